/**
 * The files that a command is about: files as they are named, folders with all that is in them, and globs (*, ?,
 * **). From folders and globs only what looks like a file of the kinds asked for is taken, by symbolic links, too.
 */

import { closeSync, openSync, readdirSync, readSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { LEGACY_MAGIC, MIGRATING_MAGIC, STORE_MAGIC } from "../src/base/magic.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import { NONCE_PATTERN } from "../src/vfs/nonce.js";
import { assertKinds, assertPaths } from "./check-options.js";
import { isHalfConverted } from "./file-state.js";
import { asidePath, logPath, lostPart } from "./legacy-log.js";
import { keptPath } from "./other-names.js";

/** What a file is to a command: one to convert, one that is converted or new, one on the way from one to the other. */
export type FileKind = "legacy" | "store" | "migrating";

/**
 * What the migrator leaves beside its files and backups, and the store beside its own; all else that lies beside a
 * file begins with other bytes.
 */
const UNFINISHED = /-migration-(new|replaced|rehearsal|partial)$/;
const SCRATCH = new RegExp(`-(new|import|salvage)-${NONCE_PATTERN}$`);
const GLOB = /[*?]/;

/**
 * In order, each once, by whatever path it is named: by the one that has a log beside it, where there is one. A name
 * that is nothing is kept, so that it is told, as is what can't be read; a store beside which a conversion has left
 * something counts as half converted. `except`: a folder or file of backups, from which nothing is taken but by a name
 * in it.
 */
export function findFiles(names: readonly string[], kinds: readonly FileKind[], except?: string): string[] {
  assertPaths(names);
  assertKinds(kinds);
  const found = new Map<string, string>();
  const add = (file: string): void => {
    const place = placeOf(file);
    if (!found.has(place) || hasOtherLog(file, place)) found.set(place, file);
  };
  const backups = except === undefined ? undefined : placeOf(except);
  const isBackup = (file: string): boolean => {
    const place = placeOf(file);
    return place === backups || (backups !== undefined && place.startsWith(backups + sep));
  };
  for (const name of names) {
    const stat = statOf(name);
    const isFolder = stat?.isDirectory() === true;
    if (isFolder || (stat === undefined && GLOB.test(name))) {
      const within = isBackup(isFolder ? name : baseOf(name).base);
      for (const file of isFolder ? filesBelow(name) : globbed(name))
        if (isWanted(file, kinds) && (within || !isBackup(file))) add(file);
    } else add(name);
  }
  return [...found.values()];
}

/**
 * Whether beside this name of a file lies, or should lie, a log that is not the one beside its place: by this name it is
 * refused.
 */
function hasOtherLog(file: string, place: string): boolean {
  if (isLost(logPath(file))) return true;
  const [beside, own] = [statOf(logPath(file)), statOf(logPath(place))];
  return beside !== undefined && (beside.ino !== own?.ino || beside.dev !== own.dev);
}

/** Also where that can't be told: by that name it is told why. */
function isLost(log: string): boolean {
  try {
    return lostPart(nodeVfs, log) !== undefined;
  } catch {
    return true;
  }
}

function statOf(name: string): Stats | undefined {
  try {
    return statSync(name, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Where a name leads to. */
function placeOf(name: string): string {
  try {
    return realpathSync(name);
  } catch {
    return resolve(name);
  }
}

/** Folders deeper than this are not looked into, but told. */
const DEPTH_MAX = 32;

/** Files first, and then those that symbolic links lead to: what has both names is taken by its own. */
function filesBelow(folder: string): string[] {
  const links: string[] = [];
  const files = [...ownFiles(folder, links)];
  return [...files, ...linkedFiles(links, placeOf(folder))];
}

function* ownFiles(folder: string, links: string[], depth = 0): Generator<string, void> {
  let entries: { name: string; isDirectory(): boolean; isFile(): boolean; isSymbolicLink(): boolean }[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    yield folder; // Who knows what is in it: as a file that it is not, it is told.
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory()) {
      if (depth < DEPTH_MAX) yield* ownFiles(path, links, depth + 1);
      else yield path;
    } else if (entry.isSymbolicLink()) links.push(path);
  }
}

/**
 * A link that leads nowhere is passed over. A folder that one leads to is told, and not looked into: what is in it may
 * be anything, a backup or the whole disk. Within `root`, which is looked into anyway, it is passed over.
 */
function* linkedFiles(links: readonly string[], root: string): Generator<string, void> {
  for (const path of links) {
    let stat: Stats | undefined;
    try {
      stat = statSync(path, { throwIfNoEntry: false });
    } catch (error) {
      // What can't be reached may be a file of any kind; a link that leads back to itself leads nowhere.
      if ((error as { code?: unknown }).code !== "ELOOP") yield path;
      continue;
    }
    const isWithin = `${placeOf(path)}${sep}`.startsWith(root.endsWith(sep) ? root : root + sep);
    if (stat?.isFile() === true || (stat?.isDirectory() === true && !isWithin)) yield path;
  }
}

/** The folder that a glob begins in, and what is to be matched there. */
function baseOf(pattern: string): { base: string; rest: string } {
  const parts = pattern.split(/[/\\]/);
  const fixed: string[] = [];
  while (parts.length > 1 && !GLOB.test(parts[0]!)) fixed.push(parts.shift()!);
  return { base: fixed.length === 0 ? "." : fixed.join(sep) || sep, rest: parts.join("/") };
}

function* globbed(pattern: string): Generator<string, void> {
  const { base, rest } = baseOf(pattern);
  const expression = globExpression(rest);
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
  if (UNFINISHED.test(path)) return false;
  // A file may have such a name of its own: what lies beside a file has that file beside it.
  if (SCRATCH.test(path) && statOf(path.replace(SCRATCH, "")) !== undefined) return false;
  const kind = kindOf(path);
  if (kind === "store" && kinds.includes("migrating") && hasRest(path)) return true;
  return kind === "unreadable" || (kind !== undefined && kinds.includes(kind));
}

/** Whether beside a store lies what a conversion removes at its very end: the log, or the file that it was. */
function hasRest(path: string): boolean {
  const place = placeOf(path);
  return [keptPath(place), asidePath(place), logPath(place)].some((rest) => statOf(rest) !== undefined);
}

/** By the first bytes; where these are of no kind, by the journal at the end. What can't be read may be a file of any kind. */
function kindOf(path: string): FileKind | "unreadable" | undefined {
  const bytes = Buffer.alloc(8);
  try {
    const descriptor = openSync(path, "r");
    try {
      readSync(descriptor, bytes, 0, 8, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "unreadable";
  }
  const magic = bytes.toString("latin1");
  if (magic.startsWith(LEGACY_MAGIC)) return "legacy";
  if (magic === STORE_MAGIC) return "store";
  if (magic === MIGRATING_MAGIC) return "migrating";
  return isHalfConverted(path) ? "migrating" : undefined; // A torn fence: the journal tells.
}
