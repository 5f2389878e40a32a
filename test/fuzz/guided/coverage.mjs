/**
 * Which bytes of the project's compiled modules have run, by V8's own precise block coverage, in this thread.
 * Covers what is loaded from below `root` (a file URL that ends with a slash).
 */

import { Session } from "node:inspector";

/** 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more: how often a block has run, as far as it matters. */
function bucketOf(count) {
  if (count < 4) return count;
  if (count < 8) return 4;
  if (count < 16) return 5;
  if (count < 32) return 6;
  return count < 128 ? 7 : 8;
}

export class Coverage {
  #session = new Session();
  #root;
  /** By script: 1 for each byte of its source that has ever run. */
  #reached = new Map();
  #buckets = new Set();
  /** Distinct blocks that have run. */
  blocks = 0;
  /** Distinct pairs of a block and how often it has run. */
  get counts() {
    return this.#buckets.size;
  }

  constructor(root) {
    this.#root = root;
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  #post(method, parameters) {
    let answer;
    this.#session.post(method, parameters, (error, result) => {
      if (error) throw new Error(error.message);
      answer = result;
    });
    return answer;
  }

  /**
   * Whether something has run since the last call that never had; with `counted`, whether a block has run
   * as often as it never had. What is new is remembered, unless `look` only.
   */
  take(counted, look = false) {
    let fresh = false;
    for (const { url, scriptId, functions } of this.#post("Profiler.takePreciseCoverage").result) {
      if (!url.startsWith(this.#root)) continue;
      let reached = this.#reached.get(scriptId);
      if (reached === undefined) {
        reached = { bytes: new Uint8Array(0), blocks: new Set() };
        this.#reached.set(scriptId, reached);
      }
      for (const { ranges } of functions)
        if (this.#paint(scriptId, reached, ranges, counted, look)) fresh = true;
    }
    return fresh;
  }

  /** Ranges are nested, the outer one first: what runs is what no inner range says has not. */
  #paint(script, reached, ranges, counted, look) {
    const [{ startOffset: from, endOffset: to, count }] = ranges;
    if (count === 0) return false;
    let fresh = false;
    if (reached.bytes.length < to) {
      const longer = new Uint8Array(to);
      longer.set(reached.bytes);
      reached.bytes = longer;
    }
    for (const range of ranges) {
      if (range.count === 0) continue;
      const key = range.startOffset * 2 ** 21 + range.endOffset;
      if (counted && !look) {
        const bucket = `${script}:${key}:${bucketOf(range.count)}`;
        if (!this.#buckets.has(bucket)) {
          this.#buckets.add(bucket);
          fresh = true;
        }
      }
      if (!reached.blocks.has(key) && !look) {
        reached.blocks.add(key);
        this.blocks++;
      }
    }
    const silent = ranges.filter((range) => range.count === 0);
    let at = from;
    for (const { startOffset, endOffset } of [...silent, { startOffset: to, endOffset: to }]) {
      // A block within one that has not run has not run either.
      for (; at < startOffset; at++) {
        if (reached.bytes[at] === 1) continue;
        fresh = true;
        if (!look) reached.bytes[at] = 1;
      }
      at = Math.max(at, endOffset);
    }
    return fresh;
  }
}
