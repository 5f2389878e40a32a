/** Pages of a file by number, unchecked, with reading ahead where they are asked for in order. */

import type { VfsFile } from "../../src/vfs/vfs.js";
import { readExactly, readFully } from "../../src/vfs/whole-io.js";

const WINDOW_BYTES: number = 256 * 1024;

export class PageReader {
  readonly #file: VfsFile;
  readonly #pageSize: number;
  readonly #window: Uint8Array;
  #first = 0;
  #count = 0;
  #last = -1;

  constructor(file: VfsFile, pageSize: number) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.#window = new Uint8Array(Math.max(1, Math.floor(WINDOW_BYTES / pageSize)) * pageSize);
  }

  /** Valid until the next call. Throws IoError where the file ends before it. */
  page(page: number): Uint8Array {
    if (page < this.#first || page >= this.#first + this.#count) this.#fill(page);
    this.#last = page;
    const at = (page - this.#first) * this.#pageSize;
    return this.#window.subarray(at, at + this.#pageSize);
  }

  #fill(page: number): void {
    const position = page * this.#pageSize;
    this.#count = 0;
    if (page === this.#last + 1) {
      const length = readFully(this.#file, this.#window, 0, this.#window.length, position);
      this.#count = Math.floor(length / this.#pageSize);
    }
    if (this.#count === 0) {
      readExactly(this.#file, this.#window, 0, this.#pageSize, position);
      this.#count = 1;
    }
    this.#first = page;
  }
}
