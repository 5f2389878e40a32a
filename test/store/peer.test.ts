/**
 * The same random work on a store and on another engine: lmdb where it is installed, else a sorted array.
 * All that can be asked of both must come out the same.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { Prng } from "../../src/vfs/prng.js";
import { KEY_KINDS, type KeyKind, KeySource } from "../support/key-kinds.js";
import { keyBytes, keyOfBytes, type ModelTree } from "../support/model.js";
import { CACHE_BYTES_LEAST } from "../support/session.js";
import { select } from "../support/store-run.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 3);
const STEPS: number = Number(process.env["ESPALIER_STEPS"] ?? 300);

type Records = [string, Uint8Array][];

interface Peer {
  readonly name: string;
  transaction(body: () => void): void;
  put(key: string, value: Uint8Array): void;
  remove(key: string): boolean;
  get(key: string): Uint8Array | undefined;
  range(from: string, to: string, reverse: boolean): Records;
  close(): void;
}

/** As much of lmdb as is used here. */
interface Lmdb {
  open(options: object): {
    transactionSync(body: () => void): void;
    putSync(key: Buffer, value: Uint8Array): boolean;
    removeSync(key: Buffer): boolean;
    getBinary(key: Buffer): Buffer | undefined;
    getRange(options: object): Iterable<{ key: Buffer; value: Buffer }>;
    close(): Promise<void>;
  };
}

async function makePeer(): Promise<Peer> {
  const name = "lmdb";
  try {
    const lmdb = (await import(name)) as Lmdb;
    return lmdbPeer(lmdb);
  } catch {
    return arrayPeer();
  }
}

function lmdbPeer(lmdb: Lmdb): Peer {
  const folder = mkdtempSync(join(tmpdir(), "espalier-peer-"));
  const db = lmdb.open({
    path: join(folder, "peer.mdb"),
    keyEncoding: "binary",
    encoding: "binary",
    noSync: true,
  });
  return {
    name: "lmdb",
    transaction: (body) => db.transactionSync(body),
    put: (key, value) => void db.putSync(keyBytes(key), value),
    remove: (key) => db.removeSync(keyBytes(key)),
    get: (key) => db.getBinary(keyBytes(key)),
    range: (from, to, reverse) => {
      const records: Records = [];
      // Its reverse ranges run from an inclusive start down to an exclusive end: the forward one will do.
      for (const { key, value } of db.getRange({ start: keyBytes(from), end: keyBytes(to) }))
        records.push([keyOfBytes(key), Uint8Array.from(value)]);
      return reverse ? records.reverse() : records;
    },
    close: () => {
      void db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function arrayPeer(): Peer {
  const tree: ModelTree = new Map();
  return {
    name: "array",
    transaction: (body) => body(),
    put: (key, value) => void tree.set(key, value),
    remove: (key) => tree.delete(key),
    get: (key) => tree.get(key),
    range: (from, to, reverse) => select(tree, { gte: from, lt: to }, reverse),
    close: () => undefined,
  };
}

/** Keys that both can have: lmdb has none of 0 bytes, and none above 1978. */
function common(kind: KeyKind): KeySource {
  return new KeySource(kind, 4096, SEED);
}

describe(`seed ${SEED}`, () => {
  it.each(KEY_KINDS)("%s keys", async (kind) => {
    const peer = await makePeer();
    const folder = mkdtempSync(join(tmpdir(), "espalier-"));
    const prng = new Prng(SEED);
    const keys = common(kind);
    const next = (known: boolean): string => (known ? keys.known() : keys.next()) || "empty";
    try {
      using store = open<Uint8Array, Uint8Array>(join(folder, "data.esp"), {
        durability: "none",
        cacheBytes: CACHE_BYTES_LEAST,
        keyEncoding: "binary",
        valueEncoding: "binary",
      });
      const edit = (): void => {
        const key = next(prng.chance(0.4));
        if (prng.chance(0.35)) {
          expect(store.delete(keyBytes(key))).toBe(peer.remove(key));
          return;
        }
        const value = new Uint8Array(1 + prng.below(prng.chance(0.05) ? 9000 : 120)).fill(prng.below(256));
        store.put(keyBytes(key), value);
        peer.put(key, value);
      };
      for (let step = 0; step < STEPS; step++) {
        const lot = prng.below(20);
        if (lot === 0) edit();
        else if (lot < 6) {
          peer.transaction(() => store.transaction(() => Array.from({ length: 1 + prng.below(60) }, edit)));
        } else if (lot < 16) {
          const key = next(true);
          expect(store.get(keyBytes(key)) ?? null).toEqual(bytesOrNull(peer.get(key)));
        } else {
          const [from, to] = [next(true), next(true)].sort() as [string, string];
          const reverse = prng.chance(0.5);
          const found = [...store.range({ gte: keyBytes(from), lt: keyBytes(to), reverse })].map(
            ([key, value]) => [keyOfBytes(key), value],
          );
          expect(found, `range at step ${step}`).toEqual(peer.range(from, to, reverse));
        }
      }
      const all = [...store.range()].map(([key, value]) => [keyOfBytes(key), value]);
      expect(all).toEqual(peer.range("\u0000", `${"\u00ff".repeat(1001)}`, false));
      expect(store.verify()).toMatchObject({ ok: true, records: all.length });
    } finally {
      peer.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function bytesOrNull(bytes: Uint8Array | undefined): Uint8Array | null {
  return bytes === undefined ? null : Uint8Array.from(bytes);
}
