/** What salvage finds of a large leaf in a half-converted file, one value of which is damaged. */

import { expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { salvageLegacyFile } from "../../migrate/index.js";
import { open } from "../../src/index.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { readExactly, writeFully } from "../../src/vfs/whole-io.js";
import { scatteredFile } from "./scattered.js";
import { convert, FILE, rollBack } from "./support.js";

const RECORDS = 900;
/** So long that it lies beside the leaf. */
const LONG_BYTES = 12_000;
const OUT = "/out.esp";

function key(i: number): Uint8Array {
  return Buffer.from(String(i).padStart(6, "0"));
}

/** Story: behind the 512th record of such a leaf its records were garbled, and nothing was saved. */
test("all of its other records", async () => {
  const records = Array.from({ length: RECORDS }, (_, i) => ({ key: key(i), value: Uint8Array.of(i) }));
  const { vfs: disk } = scatteredFile({ generation: "gen3", pageSize: 32768, records, seed: 1 });
  await convert(disk);
  const store = open<Uint8Array, Uint8Array>(FILE, { vfs: disk });
  store.put(key(1), new Uint8Array(LONG_BYTES).fill(0xee));
  store.close();
  let found = 0;
  for (let at = 1; found === 0; at++) {
    const vfs = new FaultyVfs({ disk });
    vfs.crashAt = at;
    await expect(rollBack(vfs, { verify: "none" })).rejects.toThrow(CrashSignal);
    const left = vfs.processKill(at);
    if (inspectFile(left, FILE).kind !== "migrating") continue;
    const file = left.open(FILE, "write");
    const bytes = Buffer.alloc(file.size());
    readExactly(file, bytes, 0, bytes.length, 0);
    const value = bytes.indexOf(Buffer.alloc(LONG_BYTES, 0xee));
    expect(value).toBeGreaterThan(0);
    writeFully(file, Uint8Array.of(1), 0, 1, value + 5000);
    file.close();
    found = salvageLegacyFile(FILE, OUT, { vfs: left }).records;
  }
  expect(found).toBe(RECORDS - 1);
});
