/** Runs the command line as a user does: compiled, in a process of its own, in a folder of its own. */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/base/package-files.js";

let entry: string | undefined;

/** Compiles the sources once a test file; inside the project, so that its packages are found. */
export function cliEntry(): string {
  if (entry !== undefined) return entry;
  const root = packageRoot();
  const out = join(root, "node_modules", ".cache", `espalier-cli-tests-${process.pid}`);
  mkdirSync(out, { recursive: true });
  process.once("exit", () => rmSync(out, { recursive: true, force: true }));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const words = [compiler, "-p", "tsconfig.build.json", "--outDir", out, "--declaration", "false"];
  const { stdout } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
  const found = join(out, "cli.js");
  if (!existsSync(found)) throw new Error(`the sources do not compile:\n${stdout}`);
  entry = found;
  return found;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Record<string, string>;
}

export function spawnCli(words: readonly string[], options: CliOptions = {}): SpawnSyncReturns<Buffer> {
  return spawnSync(process.execPath, [cliEntry(), ...words], {
    cwd: options.cwd,
    input: options.input ?? "",
    env: { ...process.env, ...options.env },
    maxBuffer: 256 * 1024 * 1024,
  });
}

/** Runs `espalier <words>`; output as text. */
export function cli(words: readonly string[], options: CliOptions = {}): CliResult {
  const { status, signal, stdout, stderr } = spawnCli(words, options);
  if (status === null) throw new Error(`espalier ${words.join(" ")} was ended by ${signal}: ${stderr}`);
  return { code: status, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
}

/** As cli, for a command that is expected to work; returns what it printed. */
export function output(words: readonly string[], options: CliOptions = {}): string {
  const { code, stdout, stderr } = cli(words, options);
  if (code !== 0) throw new Error(`espalier ${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

let folders: string | undefined;

/** A new folder, gone when the test file ends. */
export function temporaryFolder(): string {
  if (folders === undefined) {
    const made = mkdtempSync(join(tmpdir(), "espalier-cli-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    folders = made;
  }
  return mkdtempSync(join(folders, "t-"));
}
