/** Progress of a run for a person at a terminal: a line for each file, and a total with rate and time left. */

import { printable } from "../src/commands/support/formats.js";
import { bytes, count, duration, paint, percent } from "../src/commands/support/output.js";
import type { MigrationEvent, ProgressPoint } from "./report.js";
import { endedWell, type FileResult } from "./results.js";

/** The part of a terminal that this needs. */
export interface Screen {
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const PATH_CHARACTERS_MAX = 48;

export class TerminalProgress {
  readonly #screen: Screen;
  #started = 0;
  #totalBytes = 0;
  #files = 0;
  #transient = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  show(event: MigrationEvent): void {
    if (event.event === "run-started") {
      this.#started = Date.parse(event.at);
      this.#files = event.files.length;
      this.#totalBytes = event.files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
    } else if (event.event === "progress") {
      const share = event.bytesTotal === null ? "" : percent(event.bytesDone, event.bytesTotal);
      this.#overwrite(`${shorten(event.path)}  ${event.phase} ${share}  ${this.#total(event.total)}`);
    } else if (event.event === "file-finished") {
      this.#line(resultLine(event.file));
    } else if (event.event === "report") {
      const last = event.report.progress.at(-1);
      if (last !== undefined && this.#files > 1) this.#line(this.#summary(last, event.report.run.durationMs));
    }
  }

  #total({ at, filesDone, filesFailed, bytesDone }: ProgressPoint): string {
    const seconds = Math.max(0.001, (Date.parse(at) - this.#started) / 1000);
    const rate = bytesDone / seconds;
    const left = rate === 0 ? "" : `, ${duration(((this.#totalBytes - bytesDone) / rate) * 1000)} left`;
    const files = this.#files === 1 ? "" : `${filesDone + filesFailed}/${this.#files} files, `;
    return `(${files}${bytes(bytesDone)} of ${bytes(this.#totalBytes)}, ${bytes(Math.round(rate))}/s${left})`;
  }

  #summary({ filesDone, filesFailed, bytesDone }: ProgressPoint, ms: number): string {
    const failed = filesFailed === 0 ? "" : `, ${paint("red", `${filesFailed} not`)}`;
    return `${filesDone} of ${this.#files} files done${failed}; ${bytes(bytesDone)} in ${duration(ms)}`;
  }

  #overwrite(text: string): void {
    const width = (this.#screen.columns ?? 80) - 1;
    this.#screen.write(`\r\u001b[2K${text.slice(0, width)}`);
    this.#transient = true;
  }

  #line(text: string): void {
    this.#screen.write(`${this.#transient ? "\r\u001b[2K" : ""}${text}\n`);
    this.#transient = false;
  }
}

function shorten(path: string): string {
  const shown = printable(path);
  return shown.length <= PATH_CHARACTERS_MAX ? shown : `…${shown.slice(1 - PATH_CHARACTERS_MAX)}`;
}

/** One line about one file. */
export function resultLine(file: FileResult): string {
  const path = printable(file.path);
  const word = paint(endedWell(file) ? "green" : "red", file.status);
  if (file.reason !== null) return `${path}: ${word}: ${printable(file.reason)}`;
  const parts = [`${file.from ?? "legacy"} → ${file.to}`];
  if (file.records !== null) parts.push(`${count(file.records)} records`);
  if (file.bytes.before !== null && file.bytes.after !== null)
    parts.push(`${bytes(file.bytes.before)} → ${bytes(file.bytes.after)}`);
  if (file.logFrames !== null && file.logFrames > 0)
    parts.push(`${count(file.logFrames)} log frames applied`);
  if (file.digest.after !== null) parts.push(`content verified (${file.digest.after.slice(0, 12)}…)`);
  if (file.ms !== null) parts.push(duration(file.ms));
  const healed = file.healed.map((line) => `\n    healed: ${printable(line)}`).join("");
  if (file.status === "unchanged") return `${path}: ${word}: it is ${file.to ?? "that"} already`;
  return `${path}: ${word}: ${parts.join(", ")}${healed}`;
}
