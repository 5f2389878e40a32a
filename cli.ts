#!/usr/bin/env node
/** The front door: composes the command modules, nothing else. */

import { demoCommand } from "./src/commands/demo.js";
import { packageVersion } from "./src/commands/support/package-root.js";
import { lazyCommand, runCommandLine } from "./src/commands/support/run.js";

await runCommandLine({
  words: process.argv.slice(2),
  version: packageVersion(),
  commands: [
    lazyCommand({
      name: "matrix",
      describe: "Benchmarks: the store beside its peers and the old ways of editing leaves",
      load: async () => (await import("./matrix/commands.js")).matrixCommand,
    }),
    demoCommand(async (path) => {
      const { openLegacy } = await import("./migrate/legacy/legacy-file.js");
      const { nodeVfs } = await import("./src/vfs/node-vfs.js");
      const file = openLegacy(nodeVfs, path);
      const survey = file.inspect();
      const tree = survey.trees[0]!;
      return {
        generation: survey.generation,
        records: tree.content?.records ?? 0,
        *entries() {
          for (const { key, value } of file.records(survey, tree)) yield [key, value] as const;
        },
        close: () => file.close(),
      };
    }),
  ],
});
