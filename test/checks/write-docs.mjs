/**
 * Writes docs/api.md from the docstrings, and the table in docs/metrics.md from the metrics' definitions:
 * `npm run docs`. With --check it writes nothing and ends with 1 where a page is not what it would write.
 *
 * The compiler's declarations are the source: they hold every exported name with its docstring, in a form
 * so regular that no parser is needed.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ENTRIES = [
  ["espalier", "src/index", "The store."],
  ["espalier/migrate", "migrate/index", "The migrator."],
  ["espalier/matrix", "matrix/index", "The benchmark matrix."],
  ["espalier/dashboards", "dashboards/index", "Dashboards."],
  ["espalier/metrics", "src/metrics/index", "Metrics for Prometheus and OpenTelemetry."],
  ["espalier/level", "src/level/index", "The store as an abstract-level database."],
];

const read = (path) => readFileSync(join(ROOT, path), "utf8");

/** Names that an entry exports, with the declaration file and the name there. */
function exportsOf(file) {
  const text = read(file);
  const found = [];
  for (const [, names, from] of text.matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)) {
    const target = relative(ROOT, join(ROOT, dirname(file), from)).replace(/\.js$/, ".d.ts");
    for (const part of names.split(",")) {
      const [inner, outer] = part
        .trim()
        .replace(/^type /, "")
        .split(" as ");
      if (inner !== "") found.push({ name: outer ?? inner, inner, file: target });
    }
  }
  for (const [, inner] of text.matchAll(
    /^export (?:declare )?(?:abstract )?(?:class|function|const|interface|type) (\w+)/gm,
  ))
    found.push({ name: inner, inner, file });
  return found;
}

/** A declaration with its docstring, following re-exports. */
function declarationOf({ inner, file }) {
  const text = read(file);
  const again = exportsOf(file).find((each) => each.name === inner && each.file !== file);
  if (again !== undefined) return declarationOf(again);
  const head = new RegExp(
    `^export (?:declare )?(?:abstract )?(class|function|const|interface|type) ${inner}\\b`,
    "m",
  );
  const match = head.exec(text);
  if (match === null) throw new Error(`${file} declares no ${inner}`);
  const doc = docBefore(text, match.index);
  const code = text.slice(match.index, endOf(text, match.index)).replace(/^export (declare )?/, "");
  const overloads = match[1] === "function" ? [...text.matchAll(new RegExp(head.source, "gm"))].slice(1) : [];
  const more = overloads.map(({ index }) =>
    text.slice(index, endOf(text, index)).replace(/^export (declare )?/, ""),
  );
  return { kind: match[1], doc, code: [code, ...more].join("\n") };
}

function docBefore(text, index) {
  const before = text.slice(0, index).trimEnd();
  if (!before.endsWith("*/")) return "";
  return before
    .slice(before.lastIndexOf("/**") + 3, -2)
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim();
}

/** End of a declaration: its closing brace at the margin, or the semicolon that ends it. */
function endOf(text, index) {
  let depth = 0;
  for (let i = index; i < text.length; i++) {
    const c = text[i];
    if (text.startsWith("/*", i)) i = text.indexOf("*/", i) + 1;
    else if (c === '"') i = text.indexOf('"', i + 1);
    else if (c === "{" || c === "(" || c === "[") depth++;
    else if (c === "}" || c === ")" || c === "]") {
      depth--;
      if (
        depth === 0 &&
        c === "}" &&
        /^(abstract )?(class|interface)/.test(text.slice(index).replace(/^export (declare )?/, ""))
      )
        return i + 1;
    } else if (c === ";" && depth === 0) return i + 1;
  }
  return text.length;
}

/** Members that are not for users: private ones, and those that a docstring calls internal. */
function publicPart(code) {
  return code
    .replaceAll(
      /^ {4}\/\*\*(?:(?!\*\/)[\s\S])*@internal(?:(?!\*\/)[\s\S])*\*\/\s*(?:protected |readonly |get )*[\s\S]*?;\n/gm,
      "",
    )
    .replaceAll(
      /(?:^ {4}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?^ {4}(?:private|#|protected).*\n(?:(?: {5,}.*\n)* {4}\}.*;\n)?/gm,
      "",
    );
}

function apiPage() {
  let page =
    "# API reference\n\nWritten from the docstrings by `npm run docs`. Names in the order of the alphabet, entry by entry.\n";
  for (const [entry, path, about] of ENTRIES) {
    page += `\n## ${entry}\n\n${about}\n`;
    const names = exportsOf(`dist/${path}.d.ts`).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const each of names) {
      const { doc, code } = declarationOf(each);
      page += `\n### ${each.name}\n\n${doc === "" ? "" : `${doc}\n\n`}\`\`\`ts\n${publicPart(code)}\n\`\`\`\n`;
    }
  }
  return page;
}

const BEGIN = "<!-- metrics: begin -->";
const END = "<!-- metrics: end -->";

async function metricsPage() {
  const { METRICS } = await import("../../dist/src/metrics/index.js");
  const rows = METRICS.map(
    ({ name, type, help, meaning }) => `| \`${name}\` | ${type} | ${help} | ${meaning} |`,
  );
  const table = [
    "| metric | type | what it counts | when it moves |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
  const page = read("docs/metrics.md");
  return `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n${table}\n${page.slice(page.indexOf(END))}`;
}

const pages = { "docs/api.md": apiPage(), "docs/metrics.md": await metricsPage() };
for (const [path, text] of Object.entries(pages)) {
  if (!process.argv.includes("--check")) writeFileSync(join(ROOT, path), text);
  else if (read(path) !== text) {
    console.error(`${path} is not up to date: npm run docs`);
    process.exitCode = 1;
  }
}
