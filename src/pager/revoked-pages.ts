/**
 * Which pages the log has revoked, and when last (W3): records of them up to that frame are void. Kept as ranges,
 * since one long value revokes up to millions of pages, and a log names many of them.
 */

export class RevokedPages {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #ordinals: number[] = [];
  /** Disjoint ranges, ascending: where each begins, and its last ordinal (-1: none) up to where the next begins. */
  #from: Float64Array = new Float64Array(0);
  #last: Float64Array = new Float64Array(0);

  /** Frame number `ordinal` revokes these pages. Ordinals do not descend. */
  add(start: number, count: number, ordinal: number): void {
    if (count === 0) return;
    this.#starts.push(start);
    this.#ends.push(start + count);
    this.#ordinals.push(ordinal);
  }

  /** All are added. The latest are laid down first, and each of the others fills what is still free. */
  seal(): void {
    const bounds = Float64Array.from([...new Set([...this.#starts, ...this.#ends])]).sort();
    const last = new Float64Array(bounds.length).fill(-1);
    // Where the next range lies, from each on, that has no ordinal yet.
    const next = Int32Array.from({ length: bounds.length + 1 }, (_, i) => i);
    const free = (from: number): number => {
      let to = from;
      while (next[to] !== to) to = next[to]!;
      for (let i = from; i !== to; ) {
        const after = next[i]!;
        next[i] = to;
        i = after;
      }
      return to;
    };
    for (let i = this.#starts.length - 1; i >= 0; i--) {
      const end = indexOf(bounds, this.#ends[i]!);
      for (let at = free(indexOf(bounds, this.#starts[i]!)); at < end; at = free(at)) {
        last[at] = this.#ordinals[i]!;
        next[at] = at + 1;
      }
    }
    this.#from = bounds;
    this.#last = last;
  }

  /** Whether a record of the page in frame number `ordinal` is void. */
  covers(page: number, ordinal: number): boolean {
    if (this.#from.length === 0) return false;
    const at = indexOf(this.#from, page);
    return at >= 0 && this.#last[at]! >= ordinal;
  }
}

/** Index of the last bound at or below `page`; -1: none. */
function indexOf(bounds: Float64Array, page: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle]! <= page) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
