/** Ordered keys, after docs/format.md. */

import { need } from "./header.js";

type Element = null | boolean | number | bigint | string;

const NUMBER_FIRST = 8;
const STRING_FIRST = 24;
const STRING_MARK = 27;
const ESCAPE = 4;
const NUMBER_BYTES = 9;
const SIGN = 1n << 63n;

export function orderedKey(key: Buffer): Element | Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < key.length; ) {
    const end = endOf(key, at);
    need(end === key.length || key[end] === 0, "an element without its end");
    elements.push(elementIn(key.subarray(at, end)));
    at = end + 1;
  }
  return elements.length === 1 ? elements[0]! : elements;
}

function endOf(key: Buffer, at: number): number {
  const first = key[at]!;
  if (first < NUMBER_FIRST) return at + 1;
  const isText = first >= STRING_FIRST;
  let end = Math.min(key.length, isText ? at : at + NUMBER_BYTES);
  while (end < key.length && key[end] !== 0) end += isText && key[end] === ESCAPE ? 2 : 1;
  return end;
}

function elementIn(bytes: Buffer): Element {
  const first = bytes[0]!;
  if (first === 0) return null;
  if (first < NUMBER_FIRST) return first === 7;
  return first < STRING_FIRST ? numberIn(bytes) : textIn(bytes);
}

function textIn(bytes: Buffer): string {
  const text: number[] = [];
  for (let at = bytes[0] === STRING_MARK ? 1 : 0; at < bytes.length; at++) {
    if (bytes[at] === ESCAPE) at++;
    text.push(bytes[at]!);
  }
  return Buffer.from(text).toString("utf8");
}

function numberIn(bytes: Buffer): number | bigint {
  const whole = Buffer.alloc(NUMBER_BYTES);
  bytes.copy(whole);
  let bits = BigInt.asUintN(64, BigInt(`0x${whole.toString("hex")}`) >> 4n);
  if (bytes[0]! < 16) bits ^= SIGN - 1n;
  const double = Buffer.alloc(8);
  double.writeBigUInt64BE(bits);
  const number = double.readDoubleBE(0);
  const half = BigInt(whole[NUMBER_BYTES - 1]! & 0xf);
  if (half === 0n && bytes.length <= NUMBER_BYTES) return number;
  let shift = ((bits >> 52n) & 0x7ffn) - 1079n;
  let value = BigInt(number) + (half << shift);
  for (const byte of bytes.subarray(NUMBER_BYTES)) {
    shift -= 7n;
    value += BigInt(byte & 0x7f) << shift;
  }
  return value;
}
