/**
 * A set of page numbers, one bit for each page of the file. Pages behind its end (only the log can
 * hold such) go to a plain set, so that a hostile page number costs an entry and not a huge bitmap.
 */
export class PageSet {
  readonly #bits: Uint32Array;
  readonly #limit: number;
  readonly #beyond: Set<number> = new Set();
  size = 0;

  constructor(pageCount: number) {
    this.#limit = pageCount;
    this.#bits = new Uint32Array((pageCount + 31) >>> 5);
  }

  has(page: number): boolean {
    if (page >= this.#limit) return this.#beyond.has(page);
    return ((this.#bits[page >>> 5]! >>> (page & 31)) & 1) === 1;
  }

  /** False where the page was in the set already. */
  add(page: number): boolean {
    if (this.has(page)) return false;
    if (page >= this.#limit) this.#beyond.add(page);
    else this.#bits[page >>> 5]! |= 1 << (page & 31);
    this.size++;
    return true;
  }

  delete(page: number): void {
    if (!this.has(page)) return;
    if (page >= this.#limit) this.#beyond.delete(page);
    else this.#bits[page >>> 5]! &= ~(1 << (page & 31));
    this.size--;
  }

  /** Adds what lies inside the file of `length` pages from `start`; returns how many were new. */
  addRange(start: number, length: number): number {
    const end = Math.min(start + length, this.#limit);
    const before = this.size;
    for (let page = start; page < end; page++) this.add(page);
    return this.size - before;
  }
}

/** A growing list of page numbers or counts, in four bytes each. */
export class PageList {
  #ids: Uint32Array = new Uint32Array(64);
  length = 0;

  push(page: number): void {
    if (this.length === this.#ids.length) {
      const wider = new Uint32Array(this.#ids.length * 2);
      wider.set(this.#ids);
      this.#ids = wider;
    }
    this.#ids[this.length++] = page;
  }

  at(index: number): number {
    return this.#ids[index]!;
  }

  set(index: number, page: number): void {
    this.#ids[index] = page;
  }

  /** The numbers in a block of their own. */
  toArray(): Uint32Array {
    return this.#ids.slice(0, this.length);
  }
}
