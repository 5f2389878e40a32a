/**
 * What commands print. Data goes to standard output, everything else to standard error; colours only on
 * a terminal, and never with NO_COLOR.
 */

import type { WriteStream } from "node:tty";
import { print, writeOut } from "./standard-output.js";

export { print, writeOut };

const CHUNK_CHARACTERS = 64 * 1024;

/** Standard output for data: gathers lines, and lets a reader that has gone away end the command. */
export class Output {
  #text = "";

  /** Adds a line; await `room()` now and then in a long loop. */
  line(text: string): void {
    this.#text += `${text}\n`;
  }

  /** Hands a full buffer on and lets the event loop turn. */
  async room(): Promise<void> {
    if (this.#text.length >= CHUNK_CHARACTERS) await this.end();
  }

  /** Hands on what is left. */
  async end(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text !== "") await writeOut(text);
  }
}

/** One JSON document. BigInts become strings. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? part.toString() : part), 2));
}

/** A line for a person: standard error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Columns of the terminal that standard output is; undefined for files, pipes and terminals that don't know. */
export function terminalWidth(): number | undefined {
  return process.stdout.columns || undefined;
}

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan";
const CODES: Record<Colour, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
};

/** Whether a stream shows colours: a terminal, not a dumb one, and no NO_COLOR. */
export function hasColours(stream: Pick<WriteStream, "isTTY">): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === "") && TERM !== "dumb";
}

/** Colours a text where the stream shows colours. */
export function paint(
  colour: Colour,
  text: string,
  stream: Pick<WriteStream, "isTTY"> = process.stdout,
): string {
  if (!hasColours(stream)) return text;
  const [on, off] = CODES[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** "1,234,567". */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** "4.0 KiB". */
export function bytes(value: number): string {
  let unit = 0;
  let amount = value;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** "87.5 %"; "-" of nothing. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** "850 ms", "2.4 s", "3 min 5 s". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** "1 record", "2 records". */
export function plural(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Lines of "label  value", the labels in one column. */
export function pairs(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join("\n");
}

/** A table; columns of numbers go to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const right = head.map((_, i) => rows.every((row) => /^[-\d.,]*( [%\w]+)?$/.test(row[i] ?? "")));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [paint("bold", line(head)), ...rows.map(line)].join("\n");
}
