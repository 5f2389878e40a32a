/**
 * Streams on disk: generated once by the runner, read by every child process of a run. A file is a line of
 * JSON (spec, lengths, expectation) followed by the arrays, little-endian.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Expectation, expectationOf } from "./content.js";
import { type KeySet, makeKeys } from "./shapes.js";
import { makeStream, type Stream, type StreamSpec, streamName } from "./stream.js";

interface Header {
  readonly spec: StreamSpec;
  readonly keyCount: number;
  readonly preload: number;
  readonly operations: number;
  readonly expectation: Expectation;
}

/** A stream with its keys and what it must come to. */
export interface SharedStream {
  readonly stream: Stream;
  readonly keys: KeySet;
  readonly expectation: Expectation;
}

/** The stream's file in a folder; makes it when it is not there. Returns its path. */
export function ensureStreamFile(folder: string, spec: StreamSpec): string {
  const path = join(folder, `${streamName(spec)}.stream`);
  if (existsSync(path)) return path;
  const stream = makeStream(spec);
  const header: Header = {
    spec,
    keyCount: stream.keyCount,
    preload: stream.preload.length,
    operations: stream.kinds.length,
    expectation: expectationOf(stream, keysOf(stream)),
  };
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  // Padding keeps the 32-bit arrays aligned in the file and so in memory.
  const text = Buffer.concat([
    line.subarray(0, -1),
    Buffer.alloc((4 - (line.length % 4)) % 4, 32),
    line.subarray(-1),
  ]);
  mkdirSync(dirname(path), { recursive: true });
  const parts = [stream.preload, stream.preloadValues, stream.keys, stream.values, stream.kinds];
  writeFileSync(
    `${path}.part`,
    Buffer.concat([text, ...parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))]),
  );
  renameSync(`${path}.part`, path);
  return path;
}

/** Reads a stream and makes its keys. Throws when the file is not one that `ensureStreamFile` made. */
export function readStreamFile(path: string): SharedStream {
  const bytes = readFileSync(path);
  const end = bytes.indexOf(10) + 1;
  const header = JSON.parse(bytes.toString("utf8", 0, end)) as Header;
  const buffer = bytes.buffer.slice(bytes.byteOffset + end, bytes.byteOffset + bytes.length);
  let at = 0;
  const words = (count: number): Uint32Array => {
    const array = new Uint32Array(buffer, at, count);
    at += count * 4;
    return array;
  };
  const stream: Stream = {
    spec: header.spec,
    keyCount: header.keyCount,
    preload: words(header.preload),
    preloadValues: words(header.preload),
    keys: words(header.operations),
    values: words(header.operations),
    kinds: new Uint8Array(buffer, at, header.operations),
  };
  return { stream, keys: keysOf(stream), expectation: header.expectation };
}

function keysOf(stream: Stream): KeySet {
  return makeKeys(stream.spec.shape, stream.keyCount, stream.spec.seed);
}
