/** Resident memory of a process that holds nothing but a store; see memory-main. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadedContent } from "../dataset.js";
import { numberOption, type Runner, type TaskContext } from "./task.js";

const MIB = 2 ** 20;

export async function memory({ bed, options }: TaskContext): Promise<Runner> {
  const cacheBytes = numberOption(options, "cacheMiB") * MIB;
  const folder = await bed.copyOfLoaded();
  const entry = fileURLToPath(new URL("../memory-main.js", import.meta.url));
  const encoding = bed.spec.shape === "text" ? "utf8" : "binary";
  return {
    async round() {
      const path = join(folder, "data.esp");
      const told = execFileSync(process.execPath, [entry, path, String(cacheBytes), encoding], {
        encoding: "utf8",
      });
      const { idle, peak, seen } = JSON.parse(told) as { idle: number; peak: number; seen: number };
      if (seen !== bed.spec.records) throw new Error(`the store holds ${seen} records`);
      return {
        values: { "above idle": (peak - idle) / MIB, "above the cache": (peak - idle - cacheBytes) / MIB },
      };
    },
    finish: () => bed.prove(folder, loadedContent(bed.data)),
  };
}
