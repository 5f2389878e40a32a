/** The table of a CRC-32 that is worked out byte by byte: where the polynomial or the direction is not that of node:zlib. */

/** What each byte adds, by a polynomial written with its lowest term first. */
export function crcTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
}
