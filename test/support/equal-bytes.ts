/**
 * `toEqual` walks arrays of bytes as it does any list, number by number, which takes a thousand times what the store
 * does to give them: where both are of one class they are compared at once. All else is left to it.
 */

import { expect } from "vitest";

expect.addEqualityTesters([sameBytes]);

function sameBytes(one: unknown, other: unknown): boolean | undefined {
  if (!(one instanceof Uint8Array && other instanceof Uint8Array)) return undefined;
  if (one.constructor !== other.constructor) return undefined;
  return Buffer.compare(one, other) === 0;
}
