/**
 * Progress on standard error: on a terminal one line that is written over, elsewhere nothing but a line
 * every few seconds.
 */

import { duration, hasColours } from "./output.js";

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const BAR_CELLS = 24;

export class Progress {
  readonly #what: string;
  readonly #enabled: boolean;
  readonly #start: number = performance.now();
  #next: number;
  #drawn = false;

  constructor(what: string, enabled = true) {
    this.#what = what;
    this.#enabled = enabled;
    this.#next = this.#start + (process.stderr.isTTY ? REDRAW_MS : PLAIN_LINE_MS);
  }

  /** Cheap enough for every step of a loop. `total` 0: not known. */
  show(done: number, total: number): void {
    const now = performance.now();
    if (!this.#enabled || now < this.#next) return;
    this.#next = now + (process.stderr.isTTY ? REDRAW_MS : PLAIN_LINE_MS);
    const text = this.#text(done, total, now - this.#start);
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${text.slice(0, (process.stderr.columns ?? 80) - 1)}\u001b[K`);
      this.#drawn = true;
    } else process.stderr.write(`${text}\n`);
  }

  #text(done: number, total: number, ms: number): string {
    if (total === 0) return `${this.#what}: ${done.toLocaleString("en-US")} (${duration(ms)})`;
    const part = Math.min(1, done / total);
    const left = part > 0 ? `, ${duration((ms / part) * (1 - part))} left` : "";
    const percent = `${Math.floor(part * 100)} %`;
    if (!hasColours(process.stderr)) return `${this.#what}: ${percent}${left}`;
    const full = Math.round(part * BAR_CELLS);
    return `${this.#what} ${"█".repeat(full)}${"░".repeat(BAR_CELLS - full)} ${percent}${left}`;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#drawn) process.stderr.write("\r\u001b[K");
    this.#drawn = false;
  }
}
