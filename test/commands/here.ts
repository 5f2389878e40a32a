/**
 * Runs the command line in the test's own process: for words that end in help or in a refusal, of which there are many.
 * A process of its own takes a third of a second, nearly all of it to load the same code again.
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { vi } from "vitest";
import { compiled } from "../support/compiled.js";
import type { CliResult } from "./support.js";

type Stream = "stdout" | "stderr";

let runs = 0;

/** Runs `espalier <words>`; output as text. One at a time. */
export async function cliHere(words: readonly string[]): Promise<CliResult> {
  const text: Record<Stream, string> = { stdout: "", stderr: "" };
  const restore = [caught("stdout", text), caught("stderr", text)];
  // What a test runner shows elsewhere, a process of its own has on standard output.
  const log = vi.spyOn(console, "log").mockImplementation((...parts) => {
    text.stdout += `${format(...parts)}\n`;
  });
  const { argv, exitCode } = process;
  process.argv = [process.execPath, "espalier", ...words];
  process.exitCode = undefined;
  try {
    // It runs when it is loaded: under another name, it is loaded again.
    const name = `${pathToFileURL(join(compiled(), "command-line.js")).href}?run=${++runs}`;
    await import(name);
    return { code: Number(process.exitCode ?? 0), ...text };
  } finally {
    process.argv = argv;
    process.exitCode = exitCode;
    log.mockRestore();
    for (const each of restore) each();
  }
}

/** As cliHere, for a command that is expected to work; returns what it printed. */
export async function outputHere(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cliHere(words);
  if (code !== 0) throw new Error(`espalier ${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Catches what is written to a stream; returns how to end that. */
function caught(name: Stream, text: Record<Stream, string>): () => void {
  const stream = process[name];
  const listeners = stream.listeners("error");
  const write = vi.spyOn(stream, "write").mockImplementation((data, ...rest: unknown[]) => {
    text[name] += Buffer.from(data as string).toString("utf8");
    const done = rest.at(-1);
    if (typeof done === "function") done();
    return true;
  });
  return () => {
    write.mockRestore();
    for (const each of stream.listeners("error"))
      if (!listeners.includes(each)) stream.off("error", each as () => void);
  };
}
