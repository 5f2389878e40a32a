/**
 * Progress of a run: what was just measured, how much is done, how long the rest may take. Printed on one
 * line that is rewritten on a terminal, as plain lines elsewhere.
 */

/** What `onProgress` is told after every round of a cell. */
export interface MatrixProgress {
  readonly done: number;
  readonly total: number;
  readonly cell: string;
  readonly round: number;
  readonly status: "ok" | "failed" | "timeout" | "aborted";
  readonly opsPerSecond: number | null;
  readonly elapsedMs: number;
  /** From the mean duration of what was done; null before anything was. */
  readonly remainingMs: number | null;
}

/** Seconds between plain lines, so that a log does not fill. */
const PLAIN_EVERY_MS = 5000;

/** A printer for `onProgress`. */
export function progressPrinter(stream: NodeJS.WriteStream): (progress: MatrixProgress) => void {
  let lastPlain = 0;
  return (progress) => {
    const line = progressLine(progress);
    if (stream.isTTY) {
      const end = progress.done === progress.total ? "\n" : "";
      stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, stream.columns - 1))}${end}`);
      return;
    }
    const now = Date.now();
    if (progress.status === "ok" && progress.done < progress.total && now - lastPlain < PLAIN_EVERY_MS)
      return;
    lastPlain = now;
    stream.write(`${line}\n`);
  };
}

/** One line of progress. */
export function progressLine(progress: MatrixProgress): string {
  const { done, total, cell, round, status, opsPerSecond, remainingMs } = progress;
  const left = remainingMs === null ? "" : `, ${formatDuration(remainingMs)} left`;
  const figure = status === "ok" && opsPerSecond !== null ? `${formatRate(opsPerSecond)} ops/s` : status;
  return `${done}/${total}${left}  ${cell} round ${round}: ${figure}`;
}

/** "1 h 05 min", "3 min 20 s" or "12 s". */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s` : `${seconds} s`;
}

/** A rate with three significant digits: "3.26k", "131k", "1.06M". */
export function formatRate(perSecond: number): string {
  if (perSecond >= 999_500) return `${trim(perSecond / 1e6)}M`;
  return perSecond >= 999.5 ? `${trim(perSecond / 1000)}k` : trim(perSecond);
}

function trim(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
