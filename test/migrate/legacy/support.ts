/**
 * Helpers for tests on legacy files: fixtures in memory, files forged page by page with good checksums (so
 * that what is wrong with them is only what the test made wrong), logs built frame by frame, and an
 * independent content digest.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { crc32 } from "node:zlib";
import { writeU64 } from "../../../migrate/legacy/big-endian.js";
import { KIND_BRANCH, KIND_LEAF, type LegacyGeneration } from "../../../migrate/legacy/layout.js";
import { type OpenLegacyOptions, openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { encodeLogHeader } from "../../../migrate/legacy/log-header.js";
import { encodeMeta, patchMeta } from "../../../migrate/legacy/meta.js";
import { PageSeal } from "../../../migrate/legacy/page-check.js";
import type { LegacySurvey } from "../../../migrate/legacy/survey.js";
import { TreePageBuilder } from "../../../migrate/legacy/writer-page.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import type { Vfs } from "../../../src/vfs/vfs.js";
import { writeFully } from "../../../src/vfs/whole-io.js";
import { fixturePath } from "./fixtures.js";

export const SALT = 0x1122334455667788n;
export const LOG_SALT = 0x99aabbccddeeff00n;

export interface PlainRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

export function record(key: string, value = `value of ${key}`): PlainRecord {
  return { key: bytes(key), value: bytes(value) };
}

/** The content digest, computed without the code under test. `records` must be in key order. */
export function digestOf(records: Iterable<PlainRecord>): string {
  const hash = createHash("sha256");
  const length = Buffer.alloc(4);
  for (const { key, value } of records) {
    length.writeUInt32BE(key.length);
    hash.update(length).update(key);
    length.writeUInt32BE(value.length);
    hash.update(length).update(value);
  }
  return hash.digest("hex");
}

export function put(vfs: Vfs, path: string, content: Uint8Array): void {
  if (vfs.stat(path) !== undefined) vfs.unlink(path);
  const file = vfs.open(path, "create");
  writeFully(file, content, 0, content.length, 0);
  file.close();
}

/** A fixture and its log, as /file.db in memory. */
export function fixtureInMemory(name: string): MemoryVfs {
  const vfs = new MemoryVfs();
  copyIn(vfs, fixturePath(name), "/file.db");
  copyIn(vfs, `${fixturePath(name)}-wal`, "/file.db-wal");
  return vfs;
}

function copyIn(vfs: MemoryVfs, from: string, to: string): void {
  const stat = statSync(from, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isFile()) {
    put(vfs, to, readFileSync(from));
    return;
  }
  vfs.makeFolder(to);
  for (const name of readdirSync(from)) copyIn(vfs, `${from}/${name}`, `${to}/${name}`);
}

export function survey(vfs: Vfs, path = "/file.db", options: OpenLegacyOptions = {}): LegacySurvey {
  const file = openLegacy(vfs, path, options);
  try {
    return file.inspect();
  } finally {
    file.close();
  }
}

/** The reasons of all problems, in one text to match against. */
export function reasons(result: LegacySurvey): string {
  return result.problems.map((each) => `${each.invariant} page ${each.page}: ${each.reason}`).join("\n");
}

export interface ForgedPage {
  readonly page: number;
  readonly parent?: number;
  readonly left?: number;
  readonly right?: number;
  readonly high?: string;
  readonly records?: readonly PlainRecord[];
  readonly children?: readonly { readonly page: number; readonly separator: string }[];
  /** Changes the page after it is built; it is sealed again afterwards. */
  readonly spoil?: (page: Uint8Array) => void;
}

export interface Forgery {
  readonly generation?: LegacyGeneration;
  readonly pageSize?: number;
  readonly pages: readonly ForgedPage[];
  readonly freeListHead?: number;
  readonly nextPage?: number;
  readonly roots?: readonly { readonly offset: number; readonly page: number }[];
}

/** The bytes of a file of exactly these pages; the others are zeroes. */
export function forge(forgery: Forgery): Uint8Array {
  const pageSize = forgery.pageSize ?? 512;
  const seal = new PageSeal(pageSize, SALT);
  const last = Math.max(0, ...forgery.pages.map((each) => each.page));
  const file = new Uint8Array((last + 1) * pageSize);
  const meta = encodeMeta({ pageSize, salt: SALT, logSalt: LOG_SALT });
  const changes = { nextPage: forgery.nextPage ?? last + 1, freeListHead: forgery.freeListHead ?? 0 };
  file.set(patchMeta(meta, { ...changes, roots: forgery.roots ?? [] }));
  for (const page of forgery.pages) {
    file.set(forgePage(forgery.generation ?? "gen3", seal, page), page.page * pageSize);
  }
  return file;
}

export function forgePage(generation: LegacyGeneration, seal: PageSeal, forged: ForgedPage): Uint8Array {
  const builder = new TreePageBuilder(generation, seal, forged.children === undefined);
  for (const { key, value } of forged.records ?? []) {
    builder.addRecord(key, 0, key.length, value, 0, value.length);
  }
  for (const child of forged.children ?? []) builder.addChild(child.page, bytes(child.separator));
  const links = { parent: 0, left: 0, right: 0, ...forged };
  const high = bytes(forged.high ?? "");
  const page = builder.finish(links, high, 0, high.length);
  forged.spoil?.(page);
  seal.seal(page, forged.page, forged.children === undefined ? KIND_LEAF : KIND_BRANCH);
  return page;
}

export function forgedVfs(forgery: Forgery): MemoryVfs {
  const vfs = new MemoryVfs();
  put(vfs, "/file.db", forge(forgery));
  return vfs;
}

export interface ForgedFrame {
  readonly lsn: number;
  readonly page: number;
  readonly image: Uint8Array;
}

/** The frames of a log from the chain value given; returns the bytes and the chain after them. */
export function frames(list: readonly ForgedFrame[], chain = 0n): { bytes: Uint8Array; chain: bigint } {
  const parts: Uint8Array[] = [];
  let running = chain;
  for (const { lsn, page, image } of list) {
    const frame = new Uint8Array(32 + image.length);
    const view = new DataView(frame.buffer);
    writeU64(frame, 0, lsn);
    writeU64(frame, 8, page);
    view.setBigUint64(16, running);
    view.setUint32(24, crc32(image));
    view.setUint32(28, crc32(frame.subarray(0, 32)));
    frame.set(image, 32);
    const before = new Uint8Array(8);
    new DataView(before.buffer).setBigUint64(0, running);
    running = (BigInt(frame.length) << 32n) | BigInt(crc32(frame, crc32(before)));
    parts.push(frame);
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), chain: running };
}

export function logFile(pageSize: number, startLsn: number, list: readonly ForgedFrame[]): Uint8Array {
  return new Uint8Array(Buffer.concat([encodeLogHeader(pageSize, LOG_SALT, startLsn), frames(list).bytes]));
}

/** Uniform numbers from 0 (inclusive) to 1, the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 0x100000000;
  };
}

/** ESPALIER_SEED, or a fresh seed; tests name it in their titles so that a failure can be replayed. */
export const seed: number = Number(process.env.ESPALIER_SEED ?? Math.floor(Math.random() * 2 ** 31));
