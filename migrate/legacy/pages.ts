/**
 * The pages of a legacy file as the original would see them after recovery: the file with the log's images
 * laid over it. Nothing is written.
 *
 * Pages are handed out as views into one window buffer. A page that follows the one read before it brings
 * its neighbours along in one read, any other page is read alone, so that neither a tree in page order nor
 * a scattered one reads much more than it uses. A view is valid until the next call.
 */

import { CorruptionError } from "../../src/base/errors.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { readFully } from "../../src/vfs/whole-io.js";
import { HEADER_KIND, PAGE_NUMBER_MAX } from "./layout.js";
import type { LegacyLog } from "./log.js";
import type { PageSeal } from "./page-check.js";

/** The largest read made ahead. */
export const WINDOW_BYTES: number = 256 * 1024;

export class LegacyPages {
  readonly path: string;
  readonly pageSize: number;
  readonly seal: PageSeal;
  readonly log: LegacyLog;
  /** Whole pages in the file. */
  readonly fileCount: number;
  readonly #file: VfsFile;
  readonly #pageZero: Uint8Array | undefined;
  readonly #window: Uint8Array;
  readonly #windowPages: number;
  /** First page in the window, and how many follow it there. */
  #first = 0;
  #count = 0;
  #lastRead = -1;
  readonly #overlay: Uint8Array;

  /**
   * `pageZero`, where given, stands in for page 0 of the file; the log lies over it all the same. `fileBytes`: where the
   * file ends, if something else lies behind that.
   */
  constructor(
    file: VfsFile,
    seal: PageSeal,
    log: LegacyLog,
    pageZero?: Uint8Array,
    fileBytes: number = file.size(),
  ) {
    this.path = file.path;
    this.pageSize = seal.pageSize;
    this.seal = seal;
    this.log = log;
    this.#file = file;
    this.#pageZero = pageZero;
    this.fileCount = Math.floor(fileBytes / seal.pageSize);
    if (this.fileCount > PAGE_NUMBER_MAX) {
      throw new CorruptionError("G7", `the file has ${this.fileCount} pages`, this.#place(PAGE_NUMBER_MAX));
    }
    this.#windowPages = Math.max(1, Math.floor(WINDOW_BYTES / seal.pageSize));
    this.#window = new Uint8Array(this.#windowPages * seal.pageSize);
    this.#overlay = new Uint8Array(seal.pageSize);
  }

  /** True where the file or the log holds this page. */
  has(page: number): boolean {
    return page < this.fileCount || this.log.has(page);
  }

  /**
   * The page as it lies there, unchecked; valid until the next call. Throws CorruptionError (G7) where
   * there is no such page.
   */
  raw(page: number): Uint8Array {
    if (this.log.has(page)) {
      this.log.read(page, this.#overlay, 0, this.pageSize);
      return this.#overlay;
    }
    if (page === 0 && this.#pageZero !== undefined) {
      this.#overlay.set(this.#pageZero);
      return this.#overlay;
    }
    if (page < this.#first || page >= this.#first + this.#count) this.#fill(page);
    this.#lastRead = page;
    const at = (page - this.#first) * this.pageSize;
    return this.#window.subarray(at, at + this.pageSize);
  }

  /** The page, with header and checksum checked. Throws CorruptionError (G1, G7). */
  checked(page: number): Uint8Array {
    const bytes = this.raw(page);
    const fault = this.seal.fault(bytes, page);
    if (fault !== undefined) throw new CorruptionError("G1", fault, this.#place(page));
    return bytes;
  }

  /** As `checked`, and of one of two kinds. */
  ofKind(page: number, kind: number, other: number = kind): Uint8Array {
    const bytes = this.checked(page);
    const found = bytes[HEADER_KIND];
    if (found !== kind && found !== other) {
      throw new CorruptionError(
        "G3",
        `page kind ${found} where ${kind} was expected`,
        this.#place(page, HEADER_KIND),
      );
    }
    return bytes;
  }

  /** Forgets what was read ahead; needed where somebody else writes to the file meanwhile. */
  forget(): void {
    this.#count = 0;
    this.#lastRead = -1;
  }

  close(): void {
    this.#file.close();
    this.log.close();
  }

  #fill(page: number): void {
    if (page >= this.fileCount) {
      throw new CorruptionError(
        "G7",
        `the file ends before it, at page ${this.fileCount}`,
        this.#place(page),
      );
    }
    const ahead = page === this.#lastRead + 1 ? this.#windowPages : 1;
    const count = Math.min(ahead, this.fileCount - page);
    this.#count = 0;
    const length = readFully(this.#file, this.#window, 0, count * this.pageSize, page * this.pageSize);
    if (length < count * this.pageSize) {
      throw new CorruptionError("G7", "the file became shorter while it was read", this.#place(page));
    }
    this.#first = page;
    this.#count = count;
  }

  #place(page: number, offset = -1): { path: string; page: number; offset: number } {
    return { path: this.path, page, offset };
  }
}
