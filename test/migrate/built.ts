/** The migrator as plain JavaScript in a folder of its own, for tests that need real processes and threads. */

import { copyFileSync, cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiled } from "../support/compiled.js";

/** The library is `migrate/index.js` in `folder`, which may be changed. */
export function buildMigrator(folder: string): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  cpSync(compiled(), folder, { recursive: true });
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}
