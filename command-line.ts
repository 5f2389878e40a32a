/** The command line: composes the command modules, nothing else. */

import { packageVersion } from "./src/base/package-files.js";
import { backupCommand } from "./src/commands/backup.js";
import { compactCommand } from "./src/commands/compact.js";
import { deleteCommand } from "./src/commands/delete.js";
import { demoCommand } from "./src/commands/demo.js";
import { dumpCommand } from "./src/commands/dump.js";
import { exportLevelCommand } from "./src/commands/export-level.js";
import { getCommand } from "./src/commands/get.js";
import { importLevelCommand } from "./src/commands/import-level.js";
import { inspectCommand } from "./src/commands/inspect.js";
import { loadCommand } from "./src/commands/load.js";
import { metricsCommand } from "./src/commands/metrics.js";
import { putCommand } from "./src/commands/put.js";
import { salvageCommand } from "./src/commands/salvage.js";
import { scanCommand } from "./src/commands/scan.js";
import { statsCommand } from "./src/commands/stats.js";
import { lazyCommand, runCommandLine } from "./src/commands/support/run.js";
import { unlockCommand } from "./src/commands/unlock.js";
import { verifyCommand } from "./src/commands/verify.js";

await runCommandLine({
  words: process.argv.slice(2),
  version: packageVersion(),
  commands: [
    inspectCommand,
    statsCommand,
    verifyCommand,
    getCommand,
    putCommand,
    deleteCommand,
    scanCommand,
    dumpCommand,
    loadCommand,
    compactCommand,
    backupCommand,
    salvageCommand(async () => (await import("./migrate/commands.js")).legacySalvage),
    unlockCommand,
    importLevelCommand,
    exportLevelCommand,
    lazyCommand({
      name: "migrate",
      describe: "Turn legacy tree files into stores, in place, and back",
      load: async () => (await import("./migrate/commands.js")).migrateCommand,
    }),
    lazyCommand({
      name: "matrix",
      describe: "Benchmarks: the store beside its peers and the old ways of editing leaves",
      load: async () => (await import("./matrix/commands.js")).matrixCommand,
    }),
    lazyCommand({
      name: "dashboards",
      describe: "Pages and charts from the results of matrix and migrate",
      load: async () => (await import("./dashboards/commands.js")).dashboardsCommand,
    }),
    metricsCommand,
    demoCommand,
  ],
});
