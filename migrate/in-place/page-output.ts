/**
 * Gathers finished pages of one batch and writes them in the order of their places, neighbours together. A
 * page that has a temporary place goes there. Nothing reaches the file before `flush`.
 */

import type { VfsFile } from "../../src/vfs/vfs.js";
import { writeFully } from "../../src/vfs/whole-io.js";
import { MOVE_WORDS } from "./program.js";

const RUN_BYTES: number = 1024 * 1024;
/** So much at a stretch is written from where it lies; less is gathered with its neighbours. */
const DIRECT_BYTES_MIN: number = 256 * 1024;

export class PageOutput {
  readonly #file: VfsFile;
  readonly #pageSize: number;
  /** Final place to temporary place. */
  readonly #moved: Map<number, number> = new Map();
  #bytes: Uint8Array;
  #used = 0;
  readonly #places: { readonly position: number; readonly from: number; readonly length: number }[] = [];
  readonly #run: Uint8Array = new Uint8Array(RUN_BYTES);

  constructor(file: VfsFile, pageSize: number, moves: Uint32Array = new Uint32Array(0)) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.#bytes = new Uint8Array(pageSize * 16);
    for (let i = 0; i < moves.length; i += MOVE_WORDS) this.#moved.set(moves[i + 1]!, moves[i]!);
  }

  get bytes(): number {
    return this.#used;
  }

  /** Takes a copy of whole pages that belong to `page`. */
  add(page: number, image: Uint8Array): void {
    if (this.#used + image.length > this.#bytes.length) {
      const wider = new Uint8Array((this.#used + image.length) * 2);
      wider.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = wider;
    }
    this.#bytes.set(image, this.#used);
    const place = this.#moved.get(page) ?? page;
    this.#places.push({ position: place * this.#pageSize, from: this.#used, length: image.length });
    this.#used += image.length;
  }

  /** Writes everything; not synced. */
  flush(): void {
    const places = this.#places;
    places.sort((a, b) => a.position - b.position);
    for (let first = 0; first < places.length; ) {
      const { position, from } = places[first]!;
      let length = places[first]!.length;
      let next = first + 1;
      // Neighbours in the file that are neighbours in memory too go as they are.
      while (places[next]?.position === position + length && places[next]!.from === from + length)
        length += places[next++]!.length;
      if (length >= DIRECT_BYTES_MIN || places[next]?.position !== position + length)
        writeFully(this.#file, this.#bytes, from, length, position);
      else next = this.#writeGathered(first);
      first = next;
    }
    places.length = 0;
    this.#used = 0;
  }

  /** Writes neighbours in the file that are scattered in memory; returns the index behind them. */
  #writeGathered(first: number): number {
    const start = this.#places[first]!.position;
    let length = 0;
    let next = first;
    for (; next < this.#places.length; next++) {
      const place = this.#places[next]!;
      if (place.position !== start + length || length + place.length > RUN_BYTES) break;
      this.#run.set(this.#bytes.subarray(place.from, place.from + place.length), length);
      length += place.length;
    }
    writeFully(this.#file, this.#run, 0, length, start);
    return next;
  }
}
