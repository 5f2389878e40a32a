/**
 * Values out of bytes: UTF-8 text by the native method, which Node's type declarations leave out; toString
 * costs half as much again.
 */

/** The same memory twice: for copies (a plain Uint8Array's slice is the fast one) and for text. */
export interface ByteSource {
  readonly u8: Uint8Array;
  readonly buffer: Buffer;
}

/** Memory of its own, seen both ways. */
export function byteSource(length: number): ByteSource {
  const u8 = new Uint8Array(length);
  return { u8, buffer: Buffer.from(u8.buffer) };
}

interface NativeText {
  utf8Slice(from: number, to: number): string;
}

export function decodeUtf8(bytes: Buffer, from: number, to: number): string {
  return (bytes as unknown as NativeText).utf8Slice(from, to);
}
