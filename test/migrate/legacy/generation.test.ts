/**
 * Telling the generations apart: from a whole file with the reason, from the first bytes, and where nothing
 * tells.
 */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RECOGNISE_BYTES, recogniseLegacy } from "../../../migrate/legacy/generation.js";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { encodeMeta } from "../../../migrate/legacy/meta.js";
import { NotAStoreError } from "../../../src/base/errors.js";
import { open } from "../../../src/index.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import { fixturePath, fixtures, fixtureVfs } from "./fixtures.js";
import {
  fixtureInMemory,
  forge,
  forgedVfs,
  LOG_SALT,
  put,
  reasons,
  record,
  SALT,
  seed,
  seededRandom,
  survey,
} from "./support.js";

describe("by the first bytes", () => {
  test.each(fixtures.map((entry) => [entry.file, entry] as const))("%s", (name, entry) => {
    const head = readFileSync(fixturePath(name)).subarray(0, RECOGNISE_BYTES);
    const told = recogniseLegacy(head);
    const generation = entry.generation === "gen3-late" ? "gen3" : entry.generation;
    // Without the log, some files have no record at all.
    expect(["unknown", generation]).toContain(told);
    if (entry.walFrames === 0 && entry.recordCount > 0) expect(told).toBe(generation);
  });

  /** The store has a look of its own at such a file, for the message of its error: it knows nothing of the migrator. */
  test.each(fixtures.map((entry) => entry.file))("%s: opening it names the same generation", (name) => {
    const told = recogniseLegacy(readFileSync(fixturePath(name)).subarray(0, RECOGNISE_BYTES));
    expect(() => open(fixturePath(name), { readOnly: true })).toThrow(
      expect.objectContaining({ code: "ERR_ESPALIER_LEGACY_FORMAT", generation: told }),
    );
  });

  test("what is no legacy file is none", () => {
    expect(recogniseLegacy(new Uint8Array(0))).toBeUndefined();
    expect(recogniseLegacy(new Uint8Array(8192))).toBeUndefined();
    expect(recogniseLegacy(new Uint8Array(Buffer.from("SQLite format 3\0".repeat(64))))).toBeUndefined();
    const short = encodeMeta({ pageSize: 8192, salt: SALT, logSalt: LOG_SALT }).subarray(0, 40);
    expect(recogniseLegacy(short)).toBe("unknown");
  });

  test(`bytes at random behind the magic never throw (ESPALIER_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    for (let round = 0; round < 300; round++) {
      const head = Uint8Array.from({ length: 2048 }, () => Math.floor(random() * 256));
      head.set(forge({ pages: [{ page: 1, records: [record("a")] }] }).subarray(0, 32));
      if (round % 2 === 0) head.set(Buffer.from("SOMB"), 512);
      if (round % 2 === 0) head.set([3, 0], 512 + 6);
      recogniseLegacy(head);
    }
  });
});

describe("by the whole file", () => {
  test.each(["gen1", "gen2", "gen3"] as const)(
    "%s: one record tells, whatever the length of its key",
    (generation) => {
      for (const length of [1, 2, 100, 127, 128, 129, 255, 256, 257, 300, 1000, 2000]) {
        for (const value of ["", "v", "v".repeat(200)]) {
          const pages = [{ page: 1, records: [record("k".repeat(length), value)] }];
          const vfs = forgedVfs({ pages, generation, pageSize: 8192 });
          const result = survey(vfs);
          expect(result.generation, `key of ${length}, value of ${value.length}`).toBe(generation);
          expect(reasons(result)).toBe("");
          expect(() => open("/file.db", { vfs })).toThrow(expect.objectContaining({ generation }));
        }
      }
    },
  );

  test("the reason names the page that told", () => {
    expect(survey(fixtureInMemory("gen3/u64-rand-20k.db")).recognisedBy).toMatch(
      /^page \d+ has 4-byte slots/,
    );
    expect(survey(fixtureInMemory("gen1/u64-rand-20k.db")).recognisedBy).toMatch(
      /decode as prefix-compressed only/,
    );
    expect(survey(fixtureInMemory("gen2/u64-seq-1k.db")).recognisedBy).toMatch(/decode as plain only/);
  });

  test("an empty tree is ambiguous, and can be told", () => {
    const empty = fixtureInMemory("gen1/empty.db");
    expect(survey(empty)).toMatchObject({ generation: "unknown", problems: [] });
    expect(survey(empty, "/file.db", { assume: "gen2" })).toMatchObject({ generation: "gen2", problems: [] });
    expect(survey(fixtureInMemory("gen3-late/empty.db"))).toMatchObject({ generation: "gen3" });
  });

  test.each([
    ["gen1/u64-seq-1k.db", "gen2"],
    ["gen1/u64-seq-1k.db", "gen3"],
    ["gen2/near-max-keys.db", "gen1"],
    ["gen3/u64-seq-1k.db", "gen1"],
  ] as const)("%s assumed to be %s is refused", (name, assume) => {
    const result = survey(fixtureInMemory(name), "/file.db", { assume });
    expect(result.problems.length).toBeGreaterThan(0);
    expect(result.trees[0]!.content).toBeUndefined();
  });

  test("leaves of another generation in one file are refused", () => {
    const gen2 = forge({
      generation: "gen2",
      pages: [{ page: 2, parent: 3, left: 1, records: [record("b")] }],
    });
    const mixed = forge({
      generation: "gen1",
      pages: [
        { page: 1, parent: 3, right: 2, high: "b", records: [record("a")] },
        {
          page: 3,
          children: [
            { page: 1, separator: "a" },
            { page: 2, separator: "b" },
          ],
        },
      ],
    });
    mixed.set(gen2.subarray(1024, 1536), 1024);
    const vfs = new MemoryVfs();
    put(vfs, "/file.db", mixed);
    expect(reasons(survey(vfs))).toMatch(/page 2/);
  });
});

test("a file that is something else is told apart from a damaged one", () => {
  const vfs = new MemoryVfs();
  for (const content of [new Uint8Array(0), new Uint8Array(3), new Uint8Array(9000).fill(1)]) {
    put(vfs, "/file.db", content);
    expect(() => openLegacy(vfs, "/file.db")).toThrow(NotAStoreError);
  }
});

test("reading changes nothing, and progress is told", () => {
  const path = fixturePath("gen3/u64-range-delete.db");
  const before = readFileSync(path);
  const file = openLegacy(fixtureVfs, path);
  const steps = file.surveySteps();
  const phases = new Set<string>();
  for (let step = steps.next(); step.done !== true; step = steps.next()) phases.add(step.value.phase);
  expect(phases).toContain("scan");
  expect(Buffer.compare(file.pageImage(3), before.subarray(3 * 8192, 4 * 8192))).toBe(0);
  file.close();
  expect(Buffer.compare(readFileSync(path), before)).toBe(0);
});

/** The low fence may be older than the first key, and empty where a leaf was emptied: the slots tell all the same. */
test.each([
  ["gen1", 2],
  ["gen2", 2],
  ["gen3", 4],
] as const)(
  "%s: a leaf that begins above its low fence tells, where there is no other",
  (generation, slot) => {
    for (const length of [1, 8, 127, 128, 255, 256, 300]) {
      const keys = ["a", "b", "c"].map((letter) => letter.repeat(length));
      const withoutFirst = (page: Uint8Array): void => {
        const body = new DataView(page.buffer, page.byteOffset + 32);
        body.setUint16(2, body.getUint16(2) - 1);
        body.setUint16(6, body.getUint16(6) + slot);
      };
      const pages = [{ page: 1, records: keys.map((key) => record(key, "value")), spoil: withoutFirst }];
      const result = survey(forgedVfs({ pages, generation, pageSize: 2048 }));
      expect({ length, generation: result.generation, problems: reasons(result) }).toEqual({
        length,
        generation,
        problems: "",
      });
      expect(result.trees[0]?.content?.records).toBe(2);
    }
  },
);
