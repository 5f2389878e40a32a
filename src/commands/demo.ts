/**
 * `espalier demo`: the main job on a real file. Reads a legacy tree file, loads it into a new store, proves
 * that the content is the same, and shows what the store can say of itself.
 */

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { open } from "../store/open.js";
import type { Store } from "../store/store.js";
import { command } from "./support/command.js";
import { EXIT_FINDINGS, UsageError } from "./support/exit-codes.js";
import { bytes, count, duration, note, paint, pairs, percent, print } from "./support/output.js";
import { packageRoot } from "./support/package-root.js";
import { Progress } from "./support/progress.js";

/** A legacy file as the demo needs it; the migrator's reader, handed in by the front door. */
export interface LegacySource {
  readonly generation: string;
  readonly records: number;
  entries(): Iterable<readonly [Uint8Array, Uint8Array]>;
  close(): void;
}

export type OpenLegacySource = (path: string) => Promise<LegacySource>;

interface DemoArguments {
  readonly out: string;
}

interface ManifestRow {
  readonly file: string;
  readonly recordCount: number;
  readonly sha256: string;
}

const FIXTURES = "test/fixtures/legacy";
const FILE = "gen3/u64-rand-20k.db";

export function demoCommand(openLegacy: OpenLegacySource): CommandModule {
  return command<DemoArguments>({
    command: "demo",
    describe: "The main job on real files that come with the package",
    builder: (yargs) =>
      yargs
        .option("out", {
          type: "string",
          default: "espalier-demo",
          describe: "Folder to work in; what an earlier demo left there is replaced",
        })
        .example("$0 demo", "Work in ./espalier-demo")
        .example("$0 demo --out /tmp/demo", "Work elsewhere"),
    handler: ({ out }) => demo(resolve(out), openLegacy),
  });
}

async function demo(folder: string, openLegacy: OpenLegacySource): Promise<void> {
  const expected = expectedOf(FILE);
  prepare(folder);
  const path = join(folder, "u64-rand-20k.esp");
  const start = performance.now();
  step(`Reading the legacy file ${FILE}`);
  const source = await openLegacy(join(packageRoot(), FIXTURES, FILE));
  note(`  ${source.generation}, ${count(source.records)} records, checked page by page`);
  step("Loading it into a new store");
  const store = open<Uint8Array, Uint8Array>(path, { keyEncoding: "binary", valueEncoding: "binary" });
  try {
    load(store, source);
    step("Verifying the store");
    const verified = store.verify();
    const same = verified.ok && verified.digest === expected.sha256;
    read(store);
    print(paint("bold", "\nThe store"));
    print(describe(store));
    print(`${"content".padEnd(12)}  ${verified.digest}`);
    print(
      same
        ? paint(
            "green",
            `\nThe content is that of the original: ${count(verified.records)} records, same SHA-256.`,
          )
        : paint("red", `\nThe content is NOT that of the original, which has ${expected.sha256}.`),
    );
    if (!same) process.exitCode = EXIT_FINDINGS;
  } finally {
    store.close();
    source.close();
  }
  print(`Done in ${duration(performance.now() - start)}. Look on: espalier inspect ${path}`);
}

function step(text: string): void {
  note(`${paint("cyan", "==>", process.stderr)} ${text}`);
}

function expectedOf(file: string): ManifestRow {
  const manifest = join(packageRoot(), FIXTURES, "manifest.json");
  if (!existsSync(manifest)) throw new UsageError(`the demo's files are not there: ${dirname(manifest)}`);
  const rows = JSON.parse(readFileSync(manifest, "utf8")) as ManifestRow[];
  const row = rows.find((candidate) => candidate.file === file);
  if (row === undefined) throw new UsageError(`${manifest} does not name ${file}`);
  return row;
}

const MARK = "made-by-espalier-demo";

function prepare(folder: string): void {
  if (existsSync(folder) && !existsSync(join(folder, MARK))) {
    throw new UsageError(
      `${folder} exists and is not a folder that the demo made; choose another with --out`,
    );
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, MARK), { recursive: true });
}

function load(store: Store<Uint8Array, Uint8Array>, source: LegacySource): void {
  const progress = new Progress("  loading");
  const start = performance.now();
  let done = 0;
  store.putMany(
    (function* () {
      for (const entry of source.entries()) {
        yield entry;
        progress.show(++done, source.records);
      }
    })(),
  );
  progress.end();
  const ms = performance.now() - start;
  note(
    `  ${count(done)} records in ${duration(ms)}, durable (${count(Math.round(done / (ms / 1000)))} a second)`,
  );
}

function read(store: Store<Uint8Array, Uint8Array>): void {
  step("Reading it back: every key, then ranges");
  const keys = [...store.keys()];
  let start = performance.now();
  let found = 0;
  for (const key of keys) if (store.get(key) !== undefined) found++;
  let ms = performance.now() - start;
  note(
    `  ${count(found)} of ${count(keys.length)} keys found, ${((ms * 1000) / keys.length).toFixed(2)} µs each`,
  );
  start = performance.now();
  let records = 0;
  for (let i = 0; i + 100 < keys.length; i += 100) {
    for (const _ of store.range({ gte: keys[i]!, lt: keys[i + 100]! })) records++;
  }
  ms = performance.now() - start;
  note(`  ranges of 100 records: ${count(records)} records in ${duration(ms)}`);
}

function describe(store: Store<Uint8Array, Uint8Array>): string {
  store.checkpoint();
  const stats = store.stats();
  const { allocator, leaf, log } = store.metrics();
  return pairs([
    ["records", count(stats.records)],
    [
      "pages",
      `${count(stats.pages)} of ${bytes(stats.pageSize)}, ${percent(stats.freePages, stats.pages)} free`,
    ],
    ["file", bytes(stats.dataBytes)],
    ["leaf edits", `${count(allocator.tail_fits)} at the tail, ${count(allocator.hole_fits)} in holes`],
    ["leaves", `${count(leaf.splits)} splits, ${count(leaf.rebuilds)} rebuilds`],
    ["log", `${count(log.commits)} commits, ${bytes(log.bytes)}, ${count(log.fsyncs)} syncs`],
  ]);
}
