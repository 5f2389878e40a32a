/**
 * Imports point down only: cli.ts -> command-line.ts -> dashboards, matrix, migrate -> src; the three never import each
 * other; inside src each layer imports what stands below it; the store loads no dependency of the toolkit.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** What each part may import, itself aside. Parts of src from the top down. */
const SRC_LAYERS: readonly string[] = [
  "level",
  "index",
  "store",
  "tree",
  "page",
  "pager",
  "log",
  "vfs",
  "base",
];
const TOOLKITS: readonly string[] = ["migrate", "matrix", "dashboards"];
/** Packages that a plain `import "espalier"` may load. */
const STORE_PACKAGES: readonly string[] = ["ordered-binary"];

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.name === "node_modules") return [];
    if (entry.isDirectory()) return sources(path);
    return /\.[cm]?ts$/.test(entry.name) ? [path] : [];
  });
}

/** Specifiers of static and dynamic imports and of re-exports, comments left out. */
function specifiersOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const found: string[] = [];
  for (const match of code.matchAll(/(?:\bfrom|\bimport\s*\(?)\s*"([^"\n]+)"/g)) found.push(match[1]!);
  return found;
}

function importsOf(file: string): Import[] {
  return specifiersOf(readFileSync(join(ROOT, file), "utf8")).map((specifier) => ({
    from: file,
    to: specifier.startsWith(".")
      ? relative(ROOT, join(ROOT, dirname(file), specifier)).replace(/\.js$/, ".ts")
      : specifier,
  }));
}

function allImports(): Import[] {
  const files = ["cli.ts", "command-line.ts", "src", ...TOOLKITS].flatMap((part) =>
    part.endsWith(".ts") ? [part] : sources(part),
  );
  return files.flatMap(importsOf);
}

function topOf(path: string): string {
  return path.split("/")[0]!;
}

/** The part of src that a file belongs to. */
function srcPart(path: string): string {
  const part = path.split("/")[1]!;
  return part === "index.ts" ? "index" : part;
}

/** Why an import between files of the project is not allowed; undefined where it is. */
function forbidden({ from, to }: Import): string | undefined {
  const a = topOf(from);
  const b = topOf(to);
  if (b === "cli.ts") return "nothing imports the front door";
  if (b === "command-line.ts" && a !== "cli.ts") return "only the front door imports the command line";
  if (a === "src" && b !== "src") return "src imports nothing above it";
  if (TOOLKITS.includes(a) && b !== a && b !== "src") return "a toolkit imports itself and src only";
  if (b === "src" && a === "src") return forbiddenInSrc(srcPart(from), srcPart(to));
  return undefined;
}

function forbiddenInSrc(from: string, to: string): string | undefined {
  if (from === to) return undefined;
  // Commands use all of the store and the metrics; metrics the store's public parts; nothing uses commands.
  if (to === "commands") return "only the command line imports commands";
  if (from === "commands") return undefined;
  if (from === "metrics")
    return to === "pager" || to === "log" || to === "page" ? "metrics reach too deep" : undefined;
  if (to === "metrics")
    return from === "index" || from === "store" ? undefined : "only the store publishes metrics";
  return SRC_LAYERS.indexOf(to) > SRC_LAYERS.indexOf(from) ? undefined : `${from} stands below ${to}`;
}

function isOwn(specifier: string): boolean {
  return /^(cli\.ts|command-line\.ts|src|migrate|matrix|dashboards)(\/|$)/.test(specifier);
}

describe("import directions", () => {
  const imports = allImports();
  const own = imports.filter(({ to }) => isOwn(to));

  it("finds the imports at all", () => {
    expect(own.length).toBeGreaterThan(300);
    expect(own).toContainEqual({ from: "src/index.ts", to: "src/store/open.ts" });
    expect(own.some(({ from, to }) => from === "command-line.ts" && to.startsWith("matrix/"))).toBe(true);
  });

  it("point down only", () => {
    const wrong = own
      .map((each) => ({ ...each, why: forbidden(each) }))
      .filter(({ why }) => why !== undefined);
    expect(wrong).toEqual([]);
  });

  it("stay inside the project", () => {
    const outside = imports.filter(
      ({ to }) => to.startsWith("..") || to.startsWith("/") || topOf(to) === "test",
    );
    expect(outside).toEqual([]);
  });

  it("load nothing of the toolkit with the store", () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const queue = ["src/index.ts"];
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      for (const { to } of importsOf(file)) {
        if (isOwn(to)) queue.push(to);
        else if (!to.startsWith("node:")) packages.add(to);
      }
    }
    expect(seen.size).toBeGreaterThan(40);
    expect([...seen].filter((file) => !file.startsWith("src/"))).toEqual([]);
    expect([...seen].filter((file) => file.startsWith("src/commands/"))).toEqual([]);
    expect([...packages].sort()).toEqual([...STORE_PACKAGES]);
  });

  it("would catch each kind of wrong direction", () => {
    const wrong: [string, string][] = [
      ["src/store/open.ts", "migrate/legacy/layout.ts"],
      ["src/tree/tree.ts", "src/store/open.ts"],
      ["src/base/bytes.ts", "src/vfs/vfs.ts"],
      ["src/index.ts", "src/commands/get.ts"],
      ["matrix/index.ts", "migrate/index.ts"],
      ["dashboards/index.ts", "matrix/index.ts"],
      ["migrate/index.ts", "cli.ts"],
      ["migrate/index.ts", "command-line.ts"],
    ];
    for (const [from, to] of wrong) expect(forbidden({ from, to }), `${from} -> ${to}`).toBeDefined();
    expect(
      specifiersOf('import { a } from "./a.js";\nexport * from "./b.js";\nawait import("./c.js");'),
    ).toEqual(["./a.js", "./b.js", "./c.js"]);
    expect(specifiersOf('// import { a } from "./a.js";\n/* from "./b.js" */')).toEqual([]);
  });
});
