/**
 * Record shapes: how the keys and values of a stream are made. Keys are made ascending, so that a key's
 * number is its rank; values come out of a small pool of incompressible buffers, so that a stream of any
 * length costs four bytes a value.
 */

import type { ShapeName } from "../results/document.js";
import { seededRandom } from "../stats/random.js";

/** A key as an engine wants it: a safe integer, its 8 big-endian bytes, or text. */
export type Key = number | Buffer | string;
export type KeyForm = "number" | "bytes" | "text";

/** Values that differ, for one length. */
const POOL_BYTES_MAX = 1 << 20;
const POOL_VALUES_MAX = 4096;

/** Growth levels of a value: level 0 is the base length, each further one a quarter more. */
export const GROWTH_LEVELS = 13;

/** The ranks of keys, in any form. Made lazily: a child holds the one form its engine wants. */
export interface KeySet {
  readonly count: number;
  readonly shape: ShapeName;
  /** All keys in one form, ascending. */
  inForm(form: KeyForm): Key[];
  /** The bytes that order the key of a rank: what the content hash is made over. */
  bytesOf(rank: number): Buffer;
}

/** The key form that a shape has by itself; u64 and large keys exist as "number" and "bytes". */
export function isTextShape(shape: ShapeName): boolean {
  return shape === "text";
}

/** Makes the keys of a shape: the same for the same seed and count. */
export function makeKeys(shape: ShapeName, count: number, seed: number): KeySet {
  return isTextShape(shape) ? textKeys(count, seed) : numberKeys(shape, count, seed);
}

/** Big-endian bytes of a safe integer. */
export function keyBytesOfNumber(key: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(Math.floor(key / 0x100000000), 0);
  bytes.writeUInt32BE(key >>> 0, 4);
  return bytes;
}

function numberKeys(shape: ShapeName, count: number, seed: number): KeySet {
  const random = seededRandom(seed, `keys ${shape} ${count}`);
  const seen = new Set<number>();
  while (seen.size < count) seen.add(random.uint32() * 0x100000 + (random.uint32() >>> 12));
  const numbers = Float64Array.from(seen).sort();
  return {
    count,
    shape,
    inForm(form) {
      if (form === "text") throw new TypeError(`keys of shape ${shape} have no text form`);
      return form === "number" ? Array.from(numbers) : Array.from(numbers, keyBytesOfNumber);
    },
    bytesOf: (rank) => keyBytesOfNumber(numbers[rank] as number),
  };
}

const AREAS = ["account", "invoice", "session", "document", "attachment", "audit-log"] as const;
const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Keys like "invoice/tenant-0042/2024/…": 20 to 100 ASCII characters, long shared prefixes. */
function textKeys(count: number, seed: number): KeySet {
  const random = seededRandom(seed, `keys text ${count}`);
  const seen = new Set<string>();
  while (seen.size < count) {
    const area = AREAS[random.below(AREAS.length)] as string;
    const tenant = String(random.below(50)).padStart(4, "0");
    const project =
      random.below(3) === 0 ? `project-${random.below(20)}/environment-production/region-eu/` : "";
    let key = `${area}/tenant-${tenant}/${project}`;
    const length = Math.min(100, Math.max(20, key.length + 8 + random.below(40)));
    while (key.length < length) key += DIGITS[random.below(36)] as string;
    seen.add(key);
  }
  const texts = Array.from(seen).sort();
  return {
    count,
    shape: "text",
    inForm(form) {
      if (form === "number") throw new TypeError("text keys have no number form");
      return form === "text" ? texts : texts.map((text) => Buffer.from(text));
    },
    bytesOf: (rank) => Buffer.from(texts[rank] as string),
  };
}

/** Bytes of a value at growth level 0. */
export function baseValueBytes(shape: ShapeName): number {
  if (shape === "u64") return 8;
  return shape === "text" ? 100 : 4096;
}

/** How many values of one length a shape's pool holds. */
export function poolSize(shape: ShapeName): number {
  return Math.min(POOL_VALUES_MAX, Math.floor(POOL_BYTES_MAX / baseValueBytes(shape)));
}

/** Bytes of a value by its id, without making it. */
export function valueBytes(shape: ShapeName, valueId: number): number {
  const level = Math.floor(valueId / poolSize(shape));
  return Math.floor((baseValueBytes(shape) * (4 + level)) / 4);
}

/** Looks values up by id: pool position + level x pool size. Levels are made when first asked for. */
export function valuePool(shape: ShapeName, seed: number): (valueId: number) => Buffer {
  const size = poolSize(shape);
  const levels: (Buffer[] | undefined)[] = [];
  return (valueId) => {
    const level = Math.floor(valueId / size);
    let values = levels[level];
    if (values === undefined) {
      values = makeLevel(shape, level, seed);
      levels[level] = values;
    }
    return values[valueId % size] as Buffer;
  };
}

function makeLevel(shape: ShapeName, level: number, seed: number): Buffer[] {
  const size = poolSize(shape);
  const bytes = valueBytes(shape, level * size);
  const random = seededRandom(seed, `values ${shape} ${level}`);
  return Array.from({ length: size }, () => {
    const value = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (; at + 4 <= bytes; at += 4) value.writeUInt32LE(random.uint32(), at);
    for (; at < bytes; at++) value[at] = random.uint32();
    return value;
  });
}
