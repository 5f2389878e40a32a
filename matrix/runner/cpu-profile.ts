/**
 * V8's sampling profiler around the timed part of a pass, and of nothing else: neither loading, warming up
 * nor hashing is in the profile. The files are those that `node --cpu-prof` writes, for any tool that reads
 * them (Chromium's developer tools, speedscope) and for `espalier matrix hot`.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import type { Profiler } from "node:inspector";
import { Session } from "node:inspector/promises";
import { dirname } from "node:path";

/** Microseconds between samples: short enough for a pass of some milliseconds. */
const SAMPLING_INTERVAL_US = 100;

export type CpuProfile = Profiler.Profile;

/** A profiler of this process. It costs some of the throughput that it looks at. */
export class CpuProfiler {
  readonly #session: Session = new Session();
  readonly #prefix: string;

  /** Profiles become `<prefix>.p1.cpuprofile` and so on, a pass each. */
  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#session.connect();
  }

  async start(): Promise<void> {
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.setSamplingInterval", { interval: SAMPLING_INTERVAL_US });
    await this.#session.post("Profiler.start");
  }

  async stop(turn: number): Promise<void> {
    const { profile } = await this.#session.post("Profiler.stop");
    mkdirSync(dirname(this.#prefix), { recursive: true });
    writeFileSync(`${this.#prefix}.p${turn}.cpuprofile`, JSON.stringify(profile));
  }
}
