/** Snappy's raw format, reading only: what the index of a LevelDB table may be compressed with. */

export interface ByteReader {
  readonly bytes: Uint8Array;
  at: number;
}

/** A varint below 2^53; bytes past the end count as 0. */
export function readVarint(reader: ByteReader): number {
  let [value, factor] = [0, 1];
  for (;;) {
    const byte = reader.bytes[reader.at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
  }
}

/** Of bytes whose checksum was right. */
export function decompress(source: Uint8Array): Uint8Array {
  const reader = { bytes: source, at: 0 };
  const target = new Uint8Array(readVarint(reader));
  let to = 0;
  while (reader.at < source.length && to < target.length) {
    const tag = source[reader.at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      const more = Math.max(0, (tag >>> 2) - 59);
      const length = (more === 0 ? tag >>> 2 : littleEndian(reader, more)) + 1;
      target.set(source.subarray(reader.at, reader.at + length), to);
      reader.at += length;
      to += length;
      continue;
    }
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const back =
      kind === 1 ? (tag >>> 5) * 256 + littleEndian(reader, 1) : littleEndian(reader, kind === 2 ? 2 : 4);
    // Byte by byte: a copy may read what it has just written.
    for (const end = to + length; to < end; to++) target[to] = target[to - back]!;
  }
  return target;
}

function littleEndian(reader: ByteReader, bytes: number): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) value += (reader.bytes[reader.at++] ?? 0) * 256 ** i;
  return value;
}
