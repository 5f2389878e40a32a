/**
 * Where the time of CPU profiles went: the self time of each function over all files together, as text. The
 * profiles are those that `espalier matrix run --cpu-prof` or `node --cpu-prof` writes.
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CpuProfile } from "../runner/cpu-profile.js";
import { alignColumns } from "./table.js";

/** A function's own time, without that of what it calls. */
export interface HotFunction {
  readonly name: string;
  /** File and line, shortened to what follows the last node_modules or the package's own folder. */
  readonly place: string;
  readonly milliseconds: number;
  /** Of all sampled time. */
  readonly share: number;
}

/**
 * The profiles of a run's folder, of any folder, or one file; `part` narrows a folder to file names with it. Throws
 * RangeError where there is none, and Error for a file that holds something else, or was cut off.
 */
export async function readProfiles(path: string, part: string | null = null): Promise<CpuProfile[]> {
  const files = (await stat(path)).isDirectory() ? await profilesBelow(path, part) : [path];
  if (files.length === 0)
    throw new RangeError(`${path} holds no CPU profile${part === null ? "" : ` of ${part}`}`);
  return await Promise.all(files.map(async (file) => profileOf(file, await readFile(file, "utf8"))));
}

function profileOf(path: string, text: string): CpuProfile {
  const value = parsed(text);
  if (isProfile(value)) return value;
  throw new Error(`${path} holds no whole CPU profile: remove it, or name another`);
}

/** Undefined: no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As far as it is read here. */
function isProfile(value: unknown): value is CpuProfile {
  const { nodes, samples = [], timeDeltas = [] } = (value ?? {}) as Partial<CpuProfile>;
  return Array.isArray(nodes) && nodes.every(isNode) && isNumbers(samples) && isNumbers(timeDeltas);
}

function isNode(node: CpuProfile["nodes"][0] | null): boolean {
  const { functionName, url, lineNumber } = node?.callFrame ?? {};
  return typeof functionName === "string" && typeof url === "string" && typeof lineNumber === "number";
}

function isNumbers(list: unknown): boolean {
  return Array.isArray(list) && list.every((part) => typeof part === "number");
}

async function profilesBelow(folder: string, part: string | null): Promise<string[]> {
  const wanted = part === null ? "" : part.replaceAll("/", "~");
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((name) => name.endsWith(".cpuprofile") && name.includes(wanted))
    .sort()
    .map((name) => join(folder, name));
}

/** Self times, the longest first. */
export function hotFunctions(profiles: readonly CpuProfile[]): HotFunction[] {
  const totals = new Map<string, { name: string; place: string; us: number }>();
  let all = 0;
  for (const { nodes, samples = [], timeDeltas = [] } of profiles) {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    samples.forEach((id, i) => {
      const frame = frames.get(id);
      if (frame === undefined) return;
      // The profiler's own beginning and end.
      if (frame.functionName === "dispatch" && frame.url === "") return;
      const us = Math.max(0, timeDeltas[i] ?? 0);
      const name = frame.functionName === "" ? "(anonymous)" : frame.functionName;
      const place = frame.url === "" ? "" : `${shortened(frame.url)}:${frame.lineNumber + 1}`;
      const key = `${name} ${place}`;
      const entry = totals.get(key) ?? { name, place, us: 0 };
      entry.us += us;
      all += us;
      totals.set(key, entry);
    });
  }
  return Array.from(totals.values())
    .sort((a, b) => b.us - a.us)
    .map(({ name, place, us }) => ({
      name,
      place,
      milliseconds: us / 1000,
      share: all === 0 ? 0 : us / all,
    }));
}

function shortened(url: string): string {
  const match = /.*\/node_modules\/(?!\.cache\/)(.*)$|.*\/(?:dist|espalier[^/]*)\/(.*)$/.exec(url);
  return match?.[1] ?? match?.[2] ?? url.split("/").slice(-3).join("/");
}

/** The first `rows` functions as a table. */
export function hotTable(functions: readonly HotFunction[], rows: number): string {
  const total = functions.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return [
    alignColumns([
      ["function", "self", "ms", "place"],
      ...functions
        .slice(0, rows)
        .map(({ name, place, milliseconds, share }) => [
          name,
          `${(share * 100).toFixed(1)} %`,
          milliseconds.toFixed(1),
          place,
        ]),
    ]),
    `${total.toFixed(0)} ms sampled`,
  ].join("\n");
}
