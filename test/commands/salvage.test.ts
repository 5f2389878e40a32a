/** salvage and inspect on files that were damaged on purpose, page kind by page kind. */

import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PageSource } from "../../src/commands/pages/page-source.js";
import { salvageStore } from "../../src/commands/pages/salvage.js";
import { surveyStore } from "../../src/commands/pages/survey.js";
import { open } from "../../src/index.js";
import { highFence, lowFence } from "../../src/page/leaf.js";
import { cli, output, temporaryFolder } from "./support.js";

const PAGE_BYTES = 512;
const RECORDS = 4000;
const key = (i: number): string => `key/${String(i).padStart(5, "0")}`;

interface Layout {
  readonly folder: string;
  readonly file: string;
  readonly leaves: number[];
  readonly branches: number[];
  readonly root: number;
}

/** A store of three levels with a long value, free pages and a second tree; and what its pages are. */
function makeStore(): Layout {
  const folder = temporaryFolder();
  const file = join(folder, "data.esp");
  {
    using store = open(file, { pageSize: PAGE_BYTES });
    store.putMany(Array.from({ length: RECORDS }, (_, i) => [key(i), i] as const));
    store.put("zz/long", "v".repeat(5000));
    const other = store.tree("other");
    for (let i = 0; i < 200; i++) other.put(key(i), -i);
    other.deleteRange({ gte: key(50), lt: key(150) });
  }
  const { trees } = JSON.parse(output(["inspect", file, "--json"])) as {
    trees: { name: string; root: number }[];
  };
  const root = trees.find(({ name }) => name === "")!.root;
  const [branches, leaves] = [[] as number[], [] as number[]];
  const queue = [root];
  for (let page = queue.shift(); page !== undefined; page = queue.shift()) {
    const drawn = JSON.parse(output(["inspect", file, "--page", String(page), "--json"]));
    if (drawn.kind === "leaf") {
      leaves.push(page);
      continue;
    }
    branches.push(page);
    const children = (drawn.children as { child: number }[]).map(({ child }) => child);
    if (drawn.level > 1) queue.push(...children);
    else leaves.push(...children);
  }
  return { folder, file, leaves, branches, root };
}

let made: Layout | undefined;
const layout = (): Layout => {
  made ??= makeStore();
  return made;
};

it.each([
  [0o600, "600"],
  [0o640, "640"],
  [0o400, "600"],
])("what is saved of a store of mode %i lets in nobody whom that keeps out", (mode, wanted) => {
  const { folder } = layout();
  const file = join(folder, `private-${wanted}-${mode}.esp`);
  open(file).close();
  chmodSync(file, mode);
  const to = `${file}-saved`;
  const source = new PageSource(file, true);
  try {
    salvageStore(source, surveyStore(source), to, () => {});
  } finally {
    source.close();
  }
  expect((statSync(to).mode & 0o777).toString(8)).toBe(wanted);
});

it("salvage has nothing under the new store's name before it is whole", () => {
  const { folder, file } = layout();
  const to = join(folder, "whole-or-nothing.esp");
  const names = (): string[] => readdirSync(folder).filter((name) => name.startsWith("whole-or-nothing"));
  const source = new PageSource(file, true);
  try {
    const survey = surveyStore(source);
    let killed = "";
    salvageStore(source, survey, to, () => {
      expect(existsSync(to)).toBe(false);
      killed = names().find((name) => /-salvage-[0-9a-f]+$/.test(name))!;
    });
    expect(names()).toEqual(["whole-or-nothing.esp"]);
    // What a killed one left goes when the next one begins.
    copyFileSync(to, join(folder, killed));
    rmSync(to);
    const failing = (): void => {
      throw new Error("full");
    };
    expect(() => salvageStore(source, survey, to, failing)).toThrow("full");
    expect(names()).toEqual([]);
  } finally {
    source.close();
  }
});

function damaged(name: string, pages: readonly number[]): string {
  const { folder, file } = layout();
  const path = join(folder, `${name}.esp`);
  copyFileSync(file, path);
  const bytes = readFileSync(path);
  for (const page of pages) bytes[page * PAGE_BYTES + 100]! ^= 0x40;
  writeFileSync(path, bytes);
  return path;
}

interface Salvaged {
  readonly complete: boolean;
  readonly records: number;
  readonly problems: { page: number }[];
  readonly trees: {
    name: string;
    records: number;
    lost: { page: number; fromHex: string; toHex: string }[];
    lostValues: { key: string }[];
  }[];
}

function salvage(path: string): { code: number; report: Salvaged; out: string } {
  const out = `${path}-rescued`;
  const { code, stdout, stderr } = cli(["salvage", path, "--out", out, "--json"]);
  if (stdout === "") throw new Error(stderr);
  return { code, report: JSON.parse(stdout) as Salvaged, out };
}

function expectSame(out: string, lost: (name: string) => boolean): void {
  using store = open<string, unknown>(out, { readOnly: true });
  expect(store.verify().ok).toBe(true);
  for (let i = 0; i < RECORDS; i++) {
    if (lost(key(i))) expect(store.get(key(i)), key(i)).toBeUndefined();
    else expect(store.get(key(i)), key(i)).toBe(i);
  }
}

/** Each leaf is saved, the second tree's too, whose keys the first one has. */
function expectStrays({ trees }: Salvaged, out: string): void {
  const names = trees.map(({ name }) => name);
  expect(names.slice(0, 2)).toEqual(["lost_and_found", "lost_and_found_2"]);
  using store = open(out, { readOnly: true });
  const found = names.map((name) => store.tree<Uint8Array, Uint8Array>(name));
  const holds = (i: number, value: number): boolean =>
    found.some((tree) => {
      const bytes = tree.get(Buffer.from(key(i)));
      return bytes !== undefined && Buffer.from(bytes).toString() === String(value);
    });
  for (let i = 0; i < RECORDS; i++) expect(holds(i, i), key(i)).toBe(true);
  for (let i = 0; i < 200; i++) if (i < 50 || i >= 150) expect(holds(i, -i), key(i)).toBe(true);
}

function inRange({ fromHex, toHex }: { fromHex: string; toHex: string }): (name: string) => boolean {
  const [from, to] = [Buffer.from(fromHex, "hex").toString(), Buffer.from(toHex, "hex").toString()];
  return (name) => name >= from && (to === "" || name < to);
}

describe("salvage", () => {
  it("copies a sound store whole", () => {
    const { code, report, out } = salvage(damaged("sound", []));
    expect(code).toBe(0);
    expect(report).toMatchObject({ complete: true, problems: [] });
    const digests = (path: string): string[] =>
      Object.values(
        JSON.parse(output(["verify", path, "--json"])).trees as Record<string, { digest: string }>,
      ).map(({ digest }) => digest);
    expect(digests(out)).toEqual(digests(layout().file));
  });

  it("loses the records of a damaged leaf and no others, and says which", () => {
    const page = layout().leaves[5]!;
    const { code, report, out } = salvage(damaged("leaf", [page]));
    expect(code).toBe(1);
    expect(report.complete).toBe(false);
    const [range] = report.trees[0]!.lost;
    expect(report.trees[0]!.lost).toHaveLength(1);
    expect(range!.page).toBe(page);
    const lost = inRange(range!);
    const count = Array.from({ length: RECORDS }, (_, i) => key(i)).filter(lost).length;
    expect(count).toBeGreaterThan(3);
    expect(count).toBeLessThan(60);
    expectSame(out, lost);
  });

  it("writes nothing of a leaf that the disk reads differently when its turn comes", () => {
    const [, , , before, first, second, after] = layout().leaves;
    const path = damaged("changing", []);
    const source = new PageSource(path, true);
    const out = `${path}-rescued`;
    try {
      const survey = surveyStore(source);
      damaged("changing", [first!, second!]);
      const { trees } = salvageStore(source, survey, out, () => {});
      expect(trees[0]!.lost.map(({ page }) => page)).toEqual([first, second]);
      const end = (page: number, which: (pool: typeof source.pool, offset: number) => Uint8Array): string => {
        source.load(page);
        return Buffer.from(which(source.pool, 0)).toString();
      };
      const [low, high] = [end(before!, highFence), end(after!, lowFence)];
      for (const range of trees[0]!.lost)
        expect([range.low, range.high].map((bytes) => Buffer.from(bytes).toString())).toEqual([low, high]);
      expectSame(out, (name) => name >= low && name < high);
    } finally {
      source.close();
    }
  });

  it("finds all leaves again when a branch, or the root, is damaged", () => {
    const { branches, root } = layout();
    expect(branches.length).toBeGreaterThan(2);
    for (const page of [branches.find((branch) => branch !== root)!, root]) {
      const { code, report, out } = salvage(damaged(`branch-${page}`, [page]));
      expect(code).toBe(1);
      expect(report.problems).toEqual([expect.objectContaining({ page })]);
      expect(report.trees[0]!.lost).toEqual([]);
      expectSame(out, () => false);
      using store = open<string, unknown>(out, { readOnly: true });
      expect(store.get("zz/long")).toBe("v".repeat(5000));
      expect(store.tree<string, number>("other").count()).toBe(100);
    }
  });

  it("does not bring deleted records back from free pages", () => {
    const { out } = salvage(damaged("root-again", [layout().root]));
    using store = open(out, { readOnly: true });
    expect(store.tree("other").get(key(100))).toBeUndefined();
    expect(store.stats().records).toBe(RECORDS + 1);
  });

  it("names a value whose bytes are damaged", () => {
    const { file } = layout();
    const bytes = readFileSync(file);
    const at = bytes.indexOf("v".repeat(600));
    const { code, report, out } = salvage(damaged("value", [Math.floor(at / PAGE_BYTES) + 1]));
    expect(code).toBe(1);
    expect(report.trees[0]!.lostValues).toEqual([expect.objectContaining({ key: "zz/long" })]);
    expectSame(out, () => false);
  });

  it("puts leaves into lost_and_found when the catalogue is gone", () => {
    const { file } = layout();
    const catalog = readFileSync(file).readUInt32LE(76);
    const { code, report, out } = salvage(damaged("catalog", [catalog]));
    expect(code).toBe(1);
    expectStrays(report, out);
  });

  it("has names of its own for leaves of a store that was salvaged before", () => {
    const path = join(temporaryFolder(), "salvaged.esp");
    {
      using store = open(path, { pageSize: PAGE_BYTES });
      const bytes = { keyEncoding: "binary", valueEncoding: "binary" } as const;
      store.tree<Uint8Array, Uint8Array>("lost_and_found", bytes).put(Buffer.of(1), Buffer.of(2));
      for (const name of ["one", "two"])
        for (let i = 0; i < 300; i++) store.tree(name).put(key(i), `${name} ${i}`);
    }
    const { trees } = JSON.parse(output(["inspect", path, "--json"])) as {
      trees: { name: string; root: number }[];
    };
    const damaged = readFileSync(path);
    // Without both roots nobody can tell whose the leaves are.
    const roots = trees.filter(({ name }) => name === "one" || name === "two").map(({ root }) => root);
    expect(roots).toHaveLength(2);
    for (const root of roots) damaged[root * PAGE_BYTES + 100]! ^= 0x40;
    writeFileSync(path, damaged);
    const { report, out } = salvage(path);
    using store = open(out, { readOnly: true });
    const found = store.tree<Uint8Array, Uint8Array>("lost_and_found");
    expect([...found.range()].map(([each, value]) => [each[0], value[0]])).toEqual([[1, 2]]);
    const records = report.trees.filter(({ name }) => /^lost_and_found_/.test(name));
    expect(records.map((tree) => tree.records)).toEqual([300, 300]);
  });

  it("reads by the copy of the header that is left", () => {
    for (const offset of [0, 4096]) {
      const path = damaged(`header-${offset}`, []);
      const bytes = readFileSync(path);
      bytes.fill(0, offset, offset + 512);
      writeFileSync(path, bytes);
      const { code, out } = salvage(path);
      expectSame(out, () => false);
      // Without the other copy nobody can tell whether this one is all there was.
      expect(code).toBe(1);
    }
  });

  it("does not call whole what is left where the newer header is lost, and the log that it knew", () => {
    const folder = temporaryFolder();
    const path = join(folder, "without-log.esp");
    using store = open(join(folder, "data.esp"));
    store.putMany(Array.from({ length: 1000 }, (_, i) => [key(i), i] as const));
    const bytes = readFileSync(join(folder, "data.esp"));
    const newer = bytes.readUInt32LE(32) > bytes.readUInt32LE(4096 + 32) ? 0 : 4096;
    bytes.fill(0, newer, newer + 512);
    writeFileSync(path, bytes);
    const { code, report } = salvage(path);
    expect(report).toMatchObject({ complete: false, records: 0 });
    expect(code).toBe(1);
    expect(cli(["salvage", path, "--out", join(folder, "again.esp")]).stderr).toMatch(/header is damaged/);
    const verified = cli(["verify", path]);
    expect(verified.stderr).toMatch(/header is damaged.*\n.*All that is there is sound/s);
    expect(verified.code).toBe(0);
  });

  it.each(["hit", "both"])("brings nothing back from behind long values, in whole blocks (%s)", (which) => {
    const path = join(temporaryFolder(), "blocks.esp");
    {
      using store = open(path, { pageSize: PAGE_BYTES });
      const doomed = store.tree("doomed");
      for (let i = 0; i < 2000; i++) doomed.put(key(i), "deleted");
      // So that the file is not cut off before it.
      for (let i = 0; i < 100; i++) store.put(key(i), i);
    }
    {
      using store = open(path);
      store.tree("doomed").clear();
    }
    {
      using store = open(path);
      const long = store.tree("long");
      for (let i = 0; i < 200; i++) long.put(`a/${key((i + 100) % 200)}`, "v".repeat(4100));
      for (let i = 0; i < 300; i++) store.tree("hit").put(key(i * 5), i);
    }
    expect(readFileSync(path).includes("deleted")).toBe(true);
    const { trees } = JSON.parse(output(["inspect", path, "--json"])) as {
      trees: { name: string; root: number }[];
    };
    const bytes = readFileSync(path);
    const rootOf = (wanted: string): number => trees.find(({ name }) => name === wanted)!.root;
    bytes[rootOf("hit") * PAGE_BYTES + 100]! ^= 0x40;
    if (which === "both") {
      const drawn = JSON.parse(output(["inspect", path, "--page", String(rootOf("long")), "--json"])) as {
        children: { child: number }[];
      };
      for (const { child } of drawn.children.slice(1, -1)) bytes[child * PAGE_BYTES + 100]! ^= 0x40;
    }
    writeFileSync(path, bytes);
    const { out } = salvage(path);
    using store = open<string, unknown>(out, { readOnly: true });
    const hit = [...store.tree<string, unknown>("hit").range()];
    expect(hit).toEqual(Array.from({ length: 300 }, (_, i) => [key(i * 5), i]));
    if (which === "hit") expect(store.trees()).toEqual(["doomed", "hit", "long"]);
  });

  it("gives no leaf to a tree where old ones cannot be told from new ones", () => {
    const path = join(temporaryFolder(), "old.esp");
    {
      using store = open(path, { pageSize: PAGE_BYTES });
      const other = store.tree("other");
      for (let i = 0; i < 400; i++) other.put(key(i), i % 20 === 10 ? "long".repeat(500) : "deleted");
      other.deleteRange({ gte: key(1), lt: key(399) });
      store.putMany(Array.from({ length: 400 }, (_, i) => [key(i), i] as const));
    }
    const { trees } = JSON.parse(output(["inspect", path, "--json"])) as {
      trees: { name: string; root: number }[];
    };
    const bytes = readFileSync(path);
    bytes[trees.find(({ name }) => name === "")!.root * PAGE_BYTES + 100]! ^= 0x40;
    bytes.fill(0, 0, 8192);
    writeFileSync(path, bytes);
    const { report, out } = salvage(path);
    expect(report.trees.map(({ name }) => name)).toContain("lost_and_found");
    using store = open<string, unknown>(out, { readOnly: true });
    expect([...store.range()]).toEqual([]);
    const found = new Set<string>();
    for (const name of store.trees().filter((each) => each.startsWith("lost_and_found"))) {
      for (const [each, value] of store.tree<Uint8Array, Uint8Array>(name).range())
        found.add(`${Buffer.from(each)} ${Buffer.from(value)}`);
    }
    for (let i = 0; i < 400; i++) expect(found, key(i)).toContain(`${key(i)} ${i}`);
  });

  it.each([PAGE_BYTES, 4096, 32768])("reads pages of %i bytes without any header", (pageSize) => {
    const folder = temporaryFolder();
    const path = join(folder, "headless.esp");
    {
      using store = open(path, { pageSize });
      store.putMany(Array.from({ length: RECORDS }, (_, i) => [key(i), i] as const));
      store.put("zz/long", "v".repeat(100_000));
      store.tree<number, string>("other", { keyEncoding: "ordered", valueEncoding: "utf8" }).put(7, "seven");
    }
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 0, Math.max(8192, pageSize));
    writeFileSync(path, bytes);
    expect(cli(["stats", path]).code).toBe(4);
    const { code, report, out } = salvage(path);
    // The log may have held more, and nobody can tell.
    expect(code).toBe(1);
    expect(report).toMatchObject({ complete: false, problems: [] });
    expectSame(out, () => false);
    using store = open<string, unknown>(out, { readOnly: true });
    expect(store.get("zz/long")).toBe("v".repeat(100_000));
    const other = store.tree<number, string>("other", { keyEncoding: "ordered", valueEncoding: "utf8" });
    expect([...other.range()]).toEqual([[7, "seven"]]);
  });

  it("saves leaves as bytes where neither a header nor the catalogue is left", () => {
    const catalog = readFileSync(layout().file).readUInt32LE(76);
    const path = damaged("nothing-left", [catalog]);
    const bytes = readFileSync(path);
    bytes.fill(0, 0, 8192);
    writeFileSync(path, bytes);
    const { code, report, out } = salvage(path);
    expect(code).toBe(1);
    expectStrays(report, out);
  });

  it("says of a file of something else that it is no store", () => {
    const path = join(temporaryFolder(), "text");
    writeFileSync(path, "hello, I am a text of some length\n".repeat(5000));
    const { code, stderr } = cli(["salvage", path, "--out", `${path}.esp`]);
    expect(code).toBe(4);
    expect(stderr).toContain("is not an espalier store");
    expect(existsSync(`${path}.esp`)).toBe(false);
  });

  it("overwrites nothing, and leaves the damaged file as it was", () => {
    const path = damaged("kept", [layout().leaves[0]!]);
    const before = readFileSync(path);
    expect(cli(["salvage", path, "--out", layout().file]).code).toBe(3);
    salvage(path);
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe("verify and inspect of a damaged store", () => {
  it("end with 4 and name the page", () => {
    const page = layout().leaves[3]!;
    const path = damaged("seen", [page]);
    const verified = cli(["verify", path]);
    expect(verified.code).toBe(4);
    expect(verified.stdout).toContain(`page ${page}`);
    const inspected = cli(["inspect", path]);
    expect(inspected.code).toBe(4);
    expect(inspected.stdout).toContain(`damaged page ${page}`);
    expect(cli(["inspect", path, "--page", String(page)])).toMatchObject({ code: 4 });
  });
});
