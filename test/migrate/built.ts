/** The migrator as plain JavaScript in a folder of its own, for tests that need real processes and threads. */

import { execFileSync } from "node:child_process";
import { copyFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FILES: readonly string[] = ["migrate/index.ts", "migrate/worker.ts", "migrate/verify-thread.ts"];
const OPTIONS =
  "--target es2022 --lib es2023,es2024.string,esnext.disposable --module nodenext --types node --rootDir . --skipLibCheck --ignoreConfig";

/** Takes some seconds. The library is `migrate/index.js` in `folder`. */
export function buildMigrator(folder: string): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [compiler, ...FILES, ...OPTIONS.split(" "), "--outDir", folder], {
    cwd: root,
  });
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}
