/** Flips bits of the files of a small store, one at a time, and counts what came of it. */

import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { readExactly } from "../../src/vfs/whole-io.js";
import { bytesOf } from "../support/damage.js";
import { STORE_PATH } from "../support/session.js";
import { makeSmallStore, outcomeOf } from "./small-store.js";

export interface FlipCase {
  readonly name: string;
  readonly withLog: boolean;
  readonly path: string;
}

export const FLIP_CASES: readonly FlipCase[] = [
  { name: "a closed store", withLog: false, path: STORE_PATH },
  { name: "the file of a store with a log", withLog: true, path: STORE_PATH },
  // After one checkpoint the log goes on in the second segment; the first is ready for the next generation.
  { name: "its log", withLog: true, path: `${STORE_PATH}-log2` },
  { name: "its next log", withLog: true, path: `${STORE_PATH}-log1` },
];

export interface FlipPlan {
  readonly seed: number;
  /** One bit of so many is flipped; 1: each. Without it BITS_DEFAULT bits of each file. */
  readonly step: number | undefined;
  /** Only this one. */
  readonly bit: number | undefined;
}

export interface FlipCount {
  bits: number;
  readonly seen: { whole: number; "one less": number; error: number };
}

const BITS_DEFAULT = 120;
/** Behind the last byte that is not zero, so many are harmed too: a log is preallocated. */
const BYTES_BEHIND = 64;

/** Throws where a flipped bit leads to a wrong answer or to an error that is none of espalier's own. */
export function flipBits({ name, withLog, path }: FlipCase, plan: FlipPlan): FlipCount {
  const small = makeSmallStore(withLog);
  const prng = new Prng(plan.seed);
  const end = (lastUsed(bytesOf(small.disk, path)) + BYTES_BEHIND) * 8;
  const step = plan.step ?? Math.ceil(end / BITS_DEFAULT);
  const count: FlipCount = { bits: 0, seen: { whole: 0, "one less": 0, error: 0 } };
  const flip = (bit: number): void => {
    count.bits++;
    try {
      const found = outcomeOf(withFlippedBit(small.disk, path, bit), small);
      count.seen[found]++;
      // Only damage to the last commit of the log may pass for a torn one (W5).
      if (found === "one less" && !path.includes("-log")) throw new Error("the last commit is gone");
    } catch (error) {
      throw new Error(
        `bit ${bit} of ${name} (ESPALIER_FUZZ_BIT=${bit}): ${error instanceof Error ? error.stack : error}`,
      );
    }
  };
  if (plan.bit !== undefined) flip(plan.bit);
  else for (let bit = 0; bit < end; bit += step === 1 ? 1 : 1 + prng.below(2 * step - 1)) flip(bit);
  return count;
}

/** A copy of the file system that shares all but the one byte's neighbourhood. */
function withFlippedBit(disk: MemoryVfs, path: string, bit: number): MemoryVfs {
  const copy = disk.clone();
  const file = copy.open(path, "write");
  const byte = new Uint8Array(1);
  readExactly(file, byte, 0, 1, bit >> 3);
  byte[0]! ^= 1 << (bit & 7);
  file.write(byte, 0, 1, bit >> 3);
  file.close();
  return copy;
}

function lastUsed(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return Math.min(bytes.length - BYTES_BEHIND, end);
}
