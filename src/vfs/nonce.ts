/** Parts of names that are never given twice: of lock files, and of files that are there for a moment only. */

import { randomBytes } from "node:crypto";

const NONCE_BYTES = 12;
/** A nonce in a regular expression: 24 hexadecimal digits. */
export const NONCE_PATTERN: string = `[0-9a-f]{${NONCE_BYTES * 2}}`;
const NONCE = new RegExp(`^${NONCE_PATTERN}$`);

export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString("hex");
}

/** Whether it looks like one. */
export function isNonce(text: string): boolean {
  return NONCE.test(text);
}
