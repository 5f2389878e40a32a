/**
 * The files that a command is about: files as they are named, folders with all that is in them, and globs (*, ?,
 * **). From folders and globs only what looks like a file of the kinds asked for is taken.
 */

import { closeSync, openSync, readdirSync, readSync, type Stats, statSync } from "node:fs";
import { join, sep } from "node:path";
import { STORE_MAGIC } from "../src/pager/store-header.js";
import { MIGRATING_MAGIC } from "../src/store/read-header.js";

export type FileKind = "legacy" | "store" | "migrating";

/** What the migrator and the engines leave beside their files. */
const BESIDE =
  /-(wal|lock|partial|migration(-new|-rehearsal)?|wal-migration|log[12]|(new|import)-[0-9a-f]{24})$/;
const GLOB = /[*?[\]{}]/;

/** In order, each once. A name that is nothing, or can't be looked at, is kept, so that it is told. */
export function findFiles(names: readonly string[], kinds: readonly FileKind[]): string[] {
  const found = new Set<string>();
  for (const name of names) {
    const stat = statOf(name);
    if (stat?.isDirectory() === true) {
      for (const file of filesBelow(name)) if (isWanted(file, kinds)) found.add(file);
    } else if (stat === undefined && GLOB.test(name)) {
      for (const file of globbed(name)) if (isWanted(file, kinds)) found.add(file);
    } else found.add(name);
  }
  return [...found];
}

function statOf(name: string): Stats | undefined {
  try {
    return statSync(name, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Folders deeper than this are not looked into. */
const DEPTH_MAX = 32;

function* filesBelow(folder: string, depth = 0): Generator<string, void> {
  let entries: { name: string; isDirectory(): boolean; isFile(): boolean }[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return; // A folder that may not be read holds nothing for us.
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && depth < DEPTH_MAX && !entry.name.endsWith("-wal"))
      yield* filesBelow(path, depth + 1);
  }
}

function* globbed(pattern: string): Generator<string, void> {
  const parts = pattern.split(/[/\\]/);
  const fixed: string[] = [];
  while (parts.length > 1 && !GLOB.test(parts[0]!)) fixed.push(parts.shift()!);
  const base = fixed.length === 0 ? "." : fixed.join(sep) || sep;
  const expression = globExpression(parts.join("/"));
  for (const file of filesBelow(base)) {
    const relative = base === "." ? file : file.slice(base.endsWith(sep) ? base.length : base.length + 1);
    if (expression.test(relative.split(sep).join("/"))) yield file;
  }
}

function globExpression(pattern: string): RegExp {
  let text = "";
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (pattern.startsWith("**/", i)) {
      text += "(?:.*/)?";
      i += 2;
    } else if (pattern.startsWith("**", i)) {
      text += ".*";
      i++;
    } else if (char === "*") text += "[^/]*";
    else if (char === "?") text += "[^/]";
    else text += char.replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
  }
  return new RegExp(`^${text}$`);
}

function isWanted(path: string, kinds: readonly FileKind[]): boolean {
  // A file may have such a name of its own: what lies beside a file has that file beside it.
  if (BESIDE.test(path) && statOf(path.replace(BESIDE, "")) !== undefined) return false;
  if (isMisnamed(path)) return true;
  const kind = kindOf(path);
  return kind !== undefined && kinds.includes(kind);
}

/** A name that is no UTF-8 reaches us with marks in place of what it is, and leads to nothing: kept, to be told. */
function isMisnamed(path: string): boolean {
  return path.includes("\uFFFD") && statOf(path) === undefined;
}

/** By the first bytes alone. */
function kindOf(path: string): FileKind | undefined {
  const bytes = Buffer.alloc(8);
  try {
    const descriptor = openSync(path, "r");
    try {
      readSync(descriptor, bytes, 0, 8, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
  const magic = bytes.toString("latin1");
  if (magic.startsWith("SOMB")) return "legacy";
  if (magic === STORE_MAGIC) return "store";
  return magic === MIGRATING_MAGIC ? "migrating" : undefined;
}
