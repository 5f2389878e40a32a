/** The packed tarball in an empty project: JavaScript, TypeScript, the command, and what it does not carry. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";
import { blocksOf } from "./markdown.js";
import { installedProject, type Project } from "./packed.js";

let project: Project;

/** Packing compiles, and installing asks the registry. */
const INSTALL_MS_MAX = 600_000;

beforeAll(() => {
  project = installedProject();
}, INSTALL_MS_MAX);

interface Manifest {
  readonly exports: Record<string, { types: string; default: string } | string>;
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
}

const manifest = (): Manifest =>
  JSON.parse(readFileSync(join(project.folder, "node_modules/espalier/package.json"), "utf8")) as Manifest;

const entries = (): string[] =>
  Object.keys(manifest().exports)
    .filter((name) => name !== "./package.json")
    .map((name) => name.replace(".", "espalier"));

/** Entries whose dependency is an optional peer: a user brings it along. */
const NEEDS_PEER: readonly string[] = ["espalier/level"];

const STORE_SCRIPT = `
import { open } from "espalier";
using store = open("data.esp", { keyEncoding: "utf8", valueEncoding: "json" });
store.put("user/1", { name: "Ada" });
store.transaction(() => store.put("user/2", { name: "Grace" }));
await store.write([{ type: "put", key: "user/3", value: 1 }]);
const index = store.tree<string, number>("by-name");
index.put("Ada", 1);
for (const [key, value] of store.range({ gte: "user/", lt: "user0" })) console.log(key, JSON.stringify(value));
console.log(store.verify().ok, index.get("Ada"));
`;

function compile(name: string, text: string, ...options: readonly string[]): void {
  writeFileSync(join(project.folder, name), text);
  const compiler = join(packageRoot(), "node_modules/typescript/bin/tsc");
  const strict = [
    "--strict",
    "--noUncheckedIndexedAccess",
    "--exactOptionalPropertyTypes",
    "--types",
    "node",
  ];
  const target = ["--target", "es2022", "--lib", "es2023,esnext.disposable", "--module", "nodenext"];
  const { stdout, status } = spawnSync(process.execPath, [compiler, name, ...strict, ...target, ...options], {
    cwd: project.folder,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
}

describe("the packed package", () => {
  it("compiles and runs from TypeScript, with the declarations checked too", () => {
    compile("store.ts", STORE_SCRIPT);
    expect(project.run(process.execPath, "store.js")).toBe(
      'user/1 {"name":"Ada"}\nuser/2 {"name":"Grace"}\nuser/3 1\ntrue 1\n',
    );
  });

  it("has declarations that TypeScript can read before 5.7, where typed arrays were not generic", () => {
    const root = join(project.folder, "node_modules/espalier/dist");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" });
    const declarations = files.filter((name) => name.endsWith(".d.ts"));
    expect(declarations.length).toBeGreaterThan(100);
    const generic = /\b(?:\w+Array|Buffer|DataView)<(?:Shared)?ArrayBuffer/;
    expect(declarations.filter((name) => generic.test(readFileSync(join(root, name), "utf8")))).toEqual([]);
  });

  it("runs the examples of README.md and of the metrics page, compiled as they stand", () => {
    const pages = ["README.md", "docs/metrics.md"].map((page) =>
      readFileSync(join(packageRoot(), page), "utf8"),
    );
    const examples = pages.flatMap((page) => blocksOf(page, "ts"));
    expect(examples.length).toBeGreaterThan(3);
    project.run(
      "npm",
      "install",
      "--no-audit",
      "--no-fund",
      "--no-save",
      "--prefer-offline",
      "prom-client@15",
    );
    examples.forEach((example, i) => {
      compile(`example-${i}.ts`, example, "--skipLibCheck");
      for (const name of readdirSync(project.folder))
        if (/\.esp|metrics\.json$/.test(name)) rmSync(join(project.folder, name));
      project.run(process.execPath, `example-${i}.js`);
    });
  });

  it("has types on every entry, and each entry loads", () => {
    const names = entries();
    expect(names).toEqual(expect.arrayContaining(["espalier", "espalier/matrix", "espalier/metrics"]));
    for (const name of names) {
      const entry = manifest().exports[name.replace("espalier", ".")] as { types: string; default: string };
      expect(Object.keys(entry)[0], name).toBe("types");
      expect(existsSync(join(project.folder, "node_modules/espalier", entry.types)), name).toBe(true);
    }
    // One that named @resvg/resvg-js could not be compiled against where that optional package is not installed.
    const declared = join(project.folder, "node_modules/espalier/dist/dashboards/render.d.ts");
    expect(readFileSync(declared, "utf8")).not.toMatch(/(from |import\()"@resvg/);
    const loadable = names.filter((name) => !NEEDS_PEER.includes(name));
    const text = loadable.map(
      (name, i) => `import * as m${i} from "${name}";\nconsole.log(Object.keys(m${i}).length > 0);`,
    );
    compile("entries.ts", text.join("\n"), "--skipLibCheck");
    expect(project.run(process.execPath, "entries.js")).toBe("true\n".repeat(loadable.length));
    const required = loadable.map((name) => `console.log(Object.keys(require("${name}")).length > 0);`);
    writeFileSync(join(project.folder, "entries.cjs"), required.join("\n"));
    expect(project.run(process.execPath, "--no-warnings", "entries.cjs")).toBe(
      "true\n".repeat(loadable.length),
    );
  });

  it("runs as a command", () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
      version: string;
    };
    expect(project.run("npx", "--no-install", "espalier", "--version")).toBe(`${version}\n`);
    project.run("npx", "--no-install", "espalier", "put", "cli.esp", "k", "1", "--create");
    expect(project.run("npx", "--no-install", "espalier", "get", "cli.esp", "k")).toBe("1\n");
  });

  it("has no install script, no peers of the matrix, and nothing that does not belong in it", () => {
    for (const script of ["preinstall", "install", "postinstall", "prepare"])
      expect(manifest().scripts[script], script).toBeUndefined();
    const installed = readdirSync(join(project.folder, "node_modules"));
    for (const peer of ["better-sqlite3", "lmdb", "classic-level", "vitest", "typescript"])
      expect(installed, peer).not.toContain(peer);
    const shipped = readdirSync(join(project.folder, "node_modules/espalier")).sort();
    expect(shipped).toEqual(
      [
        ...["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "ROLLOUT.md"],
        ...["dist", "docs", "package.json", "test"],
      ].sort(),
    );
    expect(readdirSync(join(project.folder, "node_modules/espalier/test"))).toEqual(["fixtures"]);
  });

  it("has what its pages link to", () => {
    const root = join(project.folder, "node_modules/espalier");
    const pages = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".md"),
    );
    expect(pages).toContain(join("docs", "format.md"));
    const wrong = pages.flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:)([^)#\s]+)/g)]
        .filter(([, link]) => !existsSync(join(root, dirname(page), link!)))
        .map(([link]) => `${page} ${link}`),
    );
    expect(wrong).toEqual([]);
  });

  it("loads the store without any package of the toolkit, and says what is missing for the rest", () => {
    const kept = ["espalier", "ordered-binary", "@types", "undici-types", ".bin", ".package-lock.json"];
    for (const name of readdirSync(join(project.folder, "node_modules")))
      if (
        !kept.includes(name) &&
        !/^(yargs|cliui|y18n|escalade|get-caller|string-width|strip-ansi|wrap-ansi|ansi-|emoji-|get-east)/.test(
          name,
        )
      )
        rmSync(join(project.folder, "node_modules", name), { recursive: true });
    rmSync(join(project.folder, "data.esp"), { force: true });
    expect(project.run(process.execPath, "store.js")).toContain("true 1");
    const words = ["--no-install", "espalier", "dashboards", "build", "x"];
    const { status, stderr } = spawnSync("npx", words, { cwd: project.folder, encoding: "utf8" });
    expect(stderr).toMatch(/needs the package .+; install it with: npm install/);
    expect(status).toBe(2);
  });
});
