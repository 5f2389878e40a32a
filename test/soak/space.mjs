/**
 * Space does not bloat: 1,000 rounds of overwriting a store, and 1,000 of deleting its records and putting
 * them again, must leave the file within SHARE_MAX of what a fresh load takes, whatever the durability.
 *
 *   node test/soak/space.mjs [--rounds 1000] [--records 5003] [--page-sizes 512,4096,32768]
 *     [--durabilities sync,group,none] [--folder PLACE]
 *
 * For each page size and durability, without compact. Ends with 1 where a file is larger.
 */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { importSources } from "./sources.mjs";

const SHARE_MAX = 1.5;
const RECORDS_A_TRANSACTION = 50;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1000" },
    records: { type: "string", default: "5003" },
    "page-sizes": { type: "string", default: "512,4096,32768" },
    durabilities: { type: "string", default: "sync,group,none" },
    folder: { type: "string", default: tmpdir() },
  },
});
const { open } = await importSources();
const folder = mkdtempSync(join(values.folder, "espalier-space-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const rounds = Number(values.rounds);
const records = Number(values.records);
let failed = false;

/**
 * The same records in the same order with other sizes; one value in 100 is a long one. In transactions, since
 * what one of them replaces is free only when it has ended.
 */
function edit(store, round) {
  for (let from = 0; from < records; from += RECORDS_A_TRANSACTION) {
    store.transaction(() => {
      for (let i = from; i < Math.min(from + RECORDS_A_TRANSACTION, records); i++) {
        const number = (i * 331) % records;
        const size = (number * 7 + round * 13) % 200;
        store.put(`key/${number}`, Buffer.alloc(number % 100 === 0 ? 20_000 + size * 10 : size, round));
      }
    });
  }
}

for (const pageSize of values["page-sizes"].split(",").map(Number)) {
  for (const durability of values.durabilities.split(",")) {
    for (const kind of ["overwriting", "refilling"]) {
      const path = join(folder, `${pageSize}-${durability}-${kind}.esp`);
      const options = { pageSize, durability, valueEncoding: "binary", logBytes: 4 * 1024 * 1024 };
      const start = performance.now();
      let store = open(path, options);
      edit(store, 0);
      store.close();
      const fresh = statSync(path).size;
      store = open(path, options);
      for (let round = 1; round <= rounds; round++) {
        if (kind === "refilling") {
          if (round % 2 === 0) store.clear();
          else store.transaction(() => [...store.keys()].forEach((key) => void store.delete(key)));
        }
        edit(store, round);
      }
      store.close();
      const share = statSync(path).size / fresh;
      const right = share <= SHARE_MAX;
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      const verdict = right ? "ok" : "TOO LARGE";
      failed ||= !right;
      console.log(
        `${verdict}: ${rounds} rounds of ${kind}, pages of ${pageSize}, durability ${durability}: ` +
          `${share.toFixed(2)} of a fresh load (${(fresh / 2 ** 20).toFixed(1)} MiB), ${seconds} s`,
      );
      rmSync(path);
    }
  }
}
process.exitCode = failed ? 1 : 0;
