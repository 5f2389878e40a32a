/** Lines of a stream. Unlike node:readline it passes on the stream's errors, as IoError. */

import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { IoError } from "../../base/errors.js";

/** Lines without their ends. Throws IoError. Memory: the longest line. */
export async function* readLines(input: Readable): AsyncGenerator<string, void> {
  const decoder = new StringDecoder("utf8");
  let rest: string[] = [];
  try {
    for await (const chunk of input) {
      const lines = decoder.write(chunk as Buffer).split("\n");
      rest.push(lines[0]!);
      if (lines.length === 1) continue;
      yield whole(rest);
      for (let i = 1; i < lines.length - 1; i++) yield whole([lines[i]!]);
      rest = [lines[lines.length - 1]!];
    }
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new IoError(path ?? "standard input", syscall ?? "read", code, { cause: error });
  }
  rest.push(decoder.end());
  const last = whole(rest);
  if (last !== "") yield last;
}

function whole(parts: readonly string[]): string {
  const line = parts.join("");
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
