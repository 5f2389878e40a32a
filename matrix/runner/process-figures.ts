/**
 * What the operating system says about this process: bytes written, resident memory, CPU time. Linux tells
 * all of it; elsewhere the first two are null.
 */

import { readFileSync, writeFileSync } from "node:fs";

/** Bytes since the process started. */
export interface WrittenBytes {
  /** Given to write calls, by any thread. */
  readonly passedToWrite: number;
  /** That the kernel was made to send to the storage layer. */
  readonly reachedStorage: number;
}

/** Reads /proc/self/io; null where there is none. */
export function writtenBytes(): WrittenBytes | null {
  const text = procFile("/proc/self/io");
  if (text === null) return null;
  return { passedToWrite: field(text, "wchar"), reachedStorage: field(text, "write_bytes") };
}

/** Most resident memory since `resetPeak` (or since the start, where resetting is not allowed). */
export function peakResidentBytes(): number | null {
  const text = procFile("/proc/self/status");
  return text === null ? null : field(text, "VmHWM") * 1024;
}

/** Makes the peak start over from the present resident size. */
export function resetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Not Linux, or not allowed: the peak then counts from the process's start.
  }
}

/** CPU time of all threads, in microseconds. */
export function cpuMicroseconds(): { user: number; system: number } {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return { user: userCPUTime, system: systemCPUTime };
}

function procFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function field(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text);
  return match === null ? 0 : Number(match[1]);
}
