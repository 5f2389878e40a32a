/** The id of a store: random, in its header and in those of its log, which know each other by it. */

import { randomBytes } from "node:crypto";

export const STORE_ID_BYTES = 16;

export function newStoreId(): Uint8Array {
  return new Uint8Array(randomBytes(STORE_ID_BYTES));
}
