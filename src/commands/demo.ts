/**
 * `espalier demo`: the whole job on real files that come with the package. Every step is a command that a
 * user could type; the demo types it, shows it, and checks what came out against the files' manifest.
 */

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { CommandModule } from "yargs";
import { packageRoot } from "../base/package-files.js";
import { command } from "./support/command.js";
import { EXIT_FINDINGS, InterruptedError, UsageError } from "./support/exit-codes.js";
import { bytes, count, duration, note, paint, print, table } from "./support/output.js";

interface DemoArguments {
  readonly out: string;
}

interface ManifestRow {
  readonly file: string;
  readonly recordCount: number;
  readonly sha256: string;
  readonly note: string;
}

const FIXTURES = "test/fixtures/legacy";
/** Written by the original engine: each generation, logs that were not applied, a file it can't read whole. */
const FILES: readonly string[] = [
  "gen1/u64-wal.db",
  "gen2/bytes-churn-inplace-1k.db",
  "gen3/u64-rand-20k.db",
  "gen3-late/u64-wal.db",
  "quirks/gen1/near-max.db",
];
/** Marks a folder as the demo's own, to be replaced by the next demo. */
const MARK = ".made-by-espalier-demo";

export const demoCommand: CommandModule = command<DemoArguments>({
  command: "demo",
  describe: "The whole job on real files that come with the package: migrate, verify, measure, draw",
  builder: (yargs) =>
    yargs
      .option("out", {
        type: "string",
        default: "espalier-demo",
        describe: "Folder to work in; what an earlier demo left there is replaced",
      })
      .example("$0 demo", "Work in ./espalier-demo")
      .example("$0 demo --out /tmp/demo", "Work elsewhere"),
  handler: ({ out }) => new Demo(resolve(out)).run(),
});

class Demo {
  readonly #folder: string;
  readonly #start: number = performance.now();
  #step = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async run(): Promise<void> {
    const rows = manifestRows();
    this.#prepare(rows);
    const files = this.#shown("files");
    this.#title("What would a migration do? Nothing is changed by asking");
    await this.#perform(["migrate", "plan", files]);
    this.#title("Migrate the files where they lie");
    const events = await this.#answer(["migrate", "run", files, "--json"]);
    writeFileSync(join(this.#folder, "migration.jsonl"), events);
    print(migrationTable(events));
    this.#title("Verify every file, and compare its content with the original's");
    const same = await this.#verify(rows);
    this.#title("Look into one of them");
    await this.#perform(["inspect", join(files, "gen3/u64-rand-20k.db")]);
    this.#title("Measure the store beside its peers, briefly: a minute or two");
    const verdict = await this.#measure();
    this.#title("Draw the dashboards");
    const pages = this.#shown("dashboards");
    const results = [this.#shown("matrix"), "--migrations", this.#shown("migration.jsonl"), "--out", pages];
    await this.#perform(["dashboards", "build", ...results]);
    this.#summary(rows, same, verdict);
    if (!same) process.exitCode = EXIT_FINDINGS;
  }

  #prepare(rows: readonly ManifestRow[]): void {
    const folder = this.#folder;
    if (existsSync(folder) && !existsSync(join(folder, MARK)))
      throw new UsageError(`${folder} exists and was not made by the demo; choose another with --out`);
    clear(folder);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, MARK), "");
    this.#title(`Copy ${rows.length} files, as the original engine wrote them, to ${this.#shown("files")}`);
    for (const { file, note: text } of rows) {
      const to = join(folder, "files", file);
      mkdirSync(dirname(to), { recursive: true });
      for (const name of [file, `${file}-wal`]) {
        const from = join(packageRoot(), FIXTURES, name);
        if (existsSync(from)) cpSync(from, join(folder, "files", name), { recursive: true });
      }
      note(`  ${file}: ${shortened(text)}`);
    }
  }

  /** A path below the folder as a user would type it. */
  #shown(name: string): string {
    const path = join(this.#folder, name);
    const near = relative(process.cwd(), path);
    return near.startsWith("..") ? path : near;
  }

  #title(text: string): void {
    this.#step++;
    note(
      `\n${paint("cyan", `[${this.#step}/${STEPS}]`, process.stderr)} ${paint("bold", text, process.stderr)}`,
    );
  }

  /** Runs a command of this very program; its data is shown. */
  async #perform(words: readonly string[]): Promise<void> {
    await this.#espalier(words, "inherit", [0]);
  }

  /** As #perform, but the data is returned; the exit code has to be one of those accepted. */
  #answer(words: readonly string[], accepted: readonly number[] = [0]): Promise<string> {
    return this.#espalier(words, "pipe", accepted);
  }

  async #espalier(
    words: readonly string[],
    output: "inherit" | "pipe",
    accepted: readonly number[],
  ): Promise<string> {
    // What is left of a line of progress goes first.
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    note(paint("dim", `$ espalier ${words.join(" ")}`, process.stderr));
    const child = spawn(process.execPath, [process.argv[1]!, ...words], {
      stdio: ["ignore", output, "inherit"],
    });
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done, failed) => {
      child.once("error", failed);
      child.once("close", (status, by) => done([status, by]));
    });
    if (signal !== null || code === 130) throw new InterruptedError();
    if (!accepted.includes(code ?? -1))
      throw new UsageError(`espalier ${words.join(" ")} ended with ${code}`);
    return text;
  }

  async #verify(rows: readonly ManifestRow[]): Promise<boolean> {
    const lines: string[][] = [];
    let same = true;
    for (const { file, sha256, recordCount } of rows) {
      const path = join(this.#shown("files"), file);
      const report = JSON.parse(await this.#answer(["verify", path, "--json"])) as {
        digest: string;
        records: number;
        ok: boolean;
      };
      const equal = report.ok && report.digest === sha256 && report.records === recordCount;
      same &&= equal;
      lines.push([
        file,
        count(report.records),
        report.digest.slice(0, 16),
        equal ? "same content" : "DIFFERENT",
      ]);
    }
    print(table(["file", "records", "SHA-256", "against the original"], lines));
    return same;
  }

  /** A short run, judged by what a short run can answer; its document keeps that verdict for the page. */
  async #measure(): Promise<string> {
    const [results, gates] = [this.#shown("matrix"), this.#shown("gates.json")];
    cpSync(join(packageRoot(), GATES), join(this.#folder, "gates.json"));
    await this.#answer(["matrix", "run", "--out", results, ...MATRIX_WORDS, "--json"], [0, 1]);
    await this.#perform(["matrix", "show", results]);
    const answer = await this.#answer(["matrix", "gate", results, "--gates", gates, "--json"], [0, 1]);
    const verdict = JSON.parse(answer) as {
      verdict: string;
      gates: { title: string; pass: boolean; detail: string }[];
    };
    const path = join(this.#folder, "matrix", "run.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), verdict }));
    print("");
    for (const { title, pass, detail } of verdict.gates)
      print(
        pass
          ? `${paint("green", "met    ")}  ${title}`
          : `${paint("yellow", "NOT MET")}  ${title} (${detail})`,
      );
    return verdict.verdict;
  }

  #summary(rows: readonly ManifestRow[], same: boolean, verdict: string): void {
    const records = rows.reduce((sum, row) => sum + row.recordCount, 0);
    const page = join(this.#folder, "dashboards", "index.html");
    const migrated = `${rows.length} files with ${count(records)} records were migrated in place, content unchanged.`;
    const measured =
      verdict === "GO"
        ? "The short run met the gates that a short run can answer."
        : "The short run missed a gate. One short round beside other work can do that, or time that was too short for all cells; a whole run says more.";
    print("");
    print(
      same ? paint("green", migrated) : paint("red", "The content of at least one file is not what it was."),
    );
    print(verdict === "GO" ? paint("green", measured) : paint("yellow", measured));
    print(`Done in ${duration(performance.now() - this.#start)}. Open this page in a browser:`);
    print(`  ${pathToFileURL(page).href}`);
    print(NEXT);
  }
}

const STEPS = 7;
const NOTE_CHARACTERS_MAX = 90;
/** A minute on two cores; the budget is for slow machines. The gates' own cells come first. */
const MATRIX_WORDS: readonly string[] = [
  ...["--preset", "quick", "--engines", "espalier,better-sqlite3,lmdb,rebuild"],
  ...["--workloads", "inserts,overwrite-grow,reads", "--commit-every", "100,10000"],
  ...["--docs", "10000", "--rounds", "1", "--budget", "120s"],
];
/** Gates that one short round on a busy machine can answer. */
const GATES = "docs/matrix-gates-demo.json";
const NEXT = `
Next:
  npx espalier matrix run --preset quick --out results    ten minutes, judged by the gates of a rollout
  npx espalier migrate plan FILES                         what would become of your own files
  ROLLOUT.md                                              the way to production, stage by stage`;

/** What the demo and its commands make, by paths in its folder. */
const MADE: readonly RegExp[] = [
  /^(migration\.jsonl|gates\.json)$/,
  /^matrix\/(run\.json|(state|work|streams)\/)/,
  /^dashboards\/(index\.html|charts\/)/,
  new RegExp(`^files/(${FILES.map((file) => file.replaceAll(".", "\\.")).join("|")})(-|$)`),
];

/** Removes what an earlier demo made, its mark last. Throws UsageError, nothing being removed, where more is there. */
function clear(folder: string): void {
  if (!existsSync(folder)) return;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join("/");
    if (entry.isDirectory() || name === MARK || MADE.some((made) => made.test(name))) continue;
    throw new UsageError(`the demo did not make ${path}; move it away, or choose another folder with --out`);
  }
  const names = readdirSync(folder).filter((name) => name !== MARK);
  for (const name of [...names, MARK]) rmSync(join(folder, name), { recursive: true, force: true });
}

/** The beginning of a text, up to a word's end. */
function shortened(text: string): string {
  if (text.length <= NOTE_CHARACTERS_MAX) return text;
  return `${text.slice(0, text.lastIndexOf(" ", NOTE_CHARACTERS_MAX)).replace(/[,;:]$/, "")} …`;
}

interface MigratedFile {
  readonly path: string;
  readonly from: string;
  readonly status: string;
  readonly records: number;
  readonly logFrames: number;
  readonly healed: readonly string[];
  readonly bytes: { readonly before: number; readonly after: number };
  readonly ms: number;
}

/** What became of each file, from the report that is the last event. */
function migrationTable(events: string): string {
  const last = JSON.parse(events.trimEnd().split("\n").at(-1) ?? "") as { report: { files: MigratedFile[] } };
  const rows = last.report.files.map(
    ({ path, from, status, records, logFrames, healed, bytes: size, ms }) => [
      path,
      from,
      status,
      count(records),
      String(logFrames),
      healed.length > 0 ? "yes" : "no",
      `${bytes(size.before)} → ${bytes(size.after)}`,
      duration(ms),
    ],
  );
  return table(["file", "from", "", "records", "log frames", "healed", "size", "time"], rows);
}

function manifestRows(): ManifestRow[] {
  const manifest = join(packageRoot(), FIXTURES, "manifest.json");
  if (!existsSync(manifest)) throw new UsageError(`the demo's files are not there: ${dirname(manifest)}`);
  const rows = JSON.parse(readFileSync(manifest, "utf8")) as ManifestRow[];
  return FILES.map((file) => {
    const row = rows.find((candidate) => candidate.file === file);
    if (row === undefined) throw new UsageError(`${manifest} does not name ${file}`);
    return row;
  });
}
