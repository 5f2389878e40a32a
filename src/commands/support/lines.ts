/** Lines of a stream. Unlike node:readline it passes on the stream's errors, as IoError, and takes nothing but UTF-8. */

import { constants, createReadStream, openSync, statSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { IoError } from "../../base/errors.js";
import { systemError } from "../../vfs/node-vfs.js";
import { DamagedInputError } from "./exit-codes.js";

/**
 * A file or named pipe as a stream that can be destroyed at any time. A file stream waits for a pipe's writer in a
 * thread that nothing ends, the process's exit least of all; elsewhere than on Linux, a socket takes a pipe that nobody
 * writes to yet for one that has ended. Throws IoError.
 */
export function openInput(path: string): Readable {
  if (process.platform !== "linux") return createReadStream(path);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return createReadStream(path);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    throw systemError(path, "open", error);
  }
}

/**
 * Lines without their ends; `name` is what errors call the stream. Throws IoError, DamagedInputError for bytes
 * that are not UTF-8: they would come out as other characters. Memory: the longest line.
 */
export async function* readLines(input: Readable, name: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest: string[] = [];
  try {
    for await (const chunk of input) {
      const lines = decoder.decode(chunk as Buffer, { stream: true }).split("\n");
      rest.push(lines[0]!);
      if (lines.length === 1) continue;
      yield whole(rest);
      for (let i = 1; i < lines.length - 1; i++) yield whole([lines[i]!]);
      rest = [lines[lines.length - 1]!];
    }
    rest.push(decoder.decode());
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") throw new DamagedInputError(`${name} is not UTF-8`);
    throw new IoError(path ?? name, syscall ?? "read", code, { cause: error });
  }
  const last = whole(rest);
  if (last !== "") yield last;
}

function whole(parts: readonly string[]): string {
  const line = parts.join("");
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
