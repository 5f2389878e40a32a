/** salvage and inspect on files that were damaged on purpose, page kind by page kind. */

import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PageSource } from "../../src/commands/pages/page-source.js";
import { salvageStore } from "../../src/commands/pages/salvage.js";
import { surveyStore } from "../../src/commands/pages/survey.js";
import { open } from "../../src/index.js";
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
    expect(report.trees.map(({ name }) => name)).toEqual(["lost_and_found"]);
    using store = open(out, { readOnly: true });
    const found = store.tree<Uint8Array, Uint8Array>("lost_and_found");
    expect(Buffer.from(found.get(Buffer.from(key(400)))!).toString()).toBe("400");
  });

  it("reads by the copy of the header that is left", () => {
    const codes = [0, 4096].map((offset) => {
      const path = damaged(`header-${offset}`, []);
      const bytes = readFileSync(path);
      bytes.fill(0, offset, offset + 512);
      writeFileSync(path, bytes);
      const { code, out } = salvage(path);
      expectSame(out, () => false);
      return code;
    });
    // Without the newer copy nobody can tell whether the older one is all there was.
    expect(codes).toContain(0);
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
    expect(report.trees.map(({ name }) => name)).toEqual(["lost_and_found"]);
    using store = open(out, { readOnly: true });
    const found = store.tree<Uint8Array, Uint8Array>("lost_and_found");
    expect(Buffer.from(found.get(Buffer.from(key(400)))!).toString()).toBe("400");
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
