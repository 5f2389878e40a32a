/**
 * Stores whose puts are awaited one by one, in the way that each package means them to be: the adapters of
 * the matrix hand over batches.
 */

import { join } from "node:path";
import { openEspalier } from "../engines/espalier.js";
import { loadPeer } from "../engines/peer-loading.js";
import type { Key } from "../streams/shapes.js";
import type { Bed } from "./bed.js";

/** A put settles when the record is durable. */
export interface AwaitedStore {
  put(key: Key, value: Buffer): unknown;
  close(): void | Promise<void>;
}

const MAP_BYTES = 16 * 2 ** 30;

/** Opens a store of a bed's engine. */
export async function openAwaited(bed: Bed, folder: string): Promise<AwaitedStore> {
  if (bed.engine.package === "lmdb") return openLmdb(bed, folder);
  if (bed.engine.id === "classic-level") return openLevel(bed, folder);
  if (bed.engine.family === "espalier") return openEspalierAwaited(bed, folder);
  // rocksdb's own put() drops the option `sync`: its batches of one record are durable, as the adapter has them.
  const store = await bed.open(folder);
  return {
    put: (key, value) => store.transaction(() => store.put(key, value)),
    close: () => store.close(),
  };
}

function openEspalierAwaited(bed: Bed, folder: string): AwaitedStore {
  const { cacheBytes, spec } = bed;
  const store = openEspalier({ folder, cacheBytes, shape: spec.shape, profile: false }, "group");
  return { put: (key, value) => store.putAsync(key, value), close: () => store.close() };
}

interface LmdbDatabase {
  put(key: Key, value: Buffer): Promise<boolean>;
  flushed: Promise<boolean>;
  close(): Promise<void>;
}

function openLmdb(bed: Bed, folder: string): AwaitedStore {
  const { open } = loadPeer("lmdb") as { open(options: object): LmdbDatabase };
  const db = open({
    path: join(folder, "data.mdb"),
    noSubdir: true,
    mapSize: MAP_BYTES,
    encoding: "binary",
    keyEncoding: bed.spec.shape === "text" ? "ordered-binary" : "binary",
    compression: false,
    cache: false,
  });
  return {
    put: (key, value) => db.put(key, value),
    async close() {
      await db.flushed;
      await db.close();
    },
  };
}

interface LevelDatabase {
  open(): Promise<void>;
  put(key: Key, value: Buffer, options: { sync: boolean }): Promise<void>;
  close(): Promise<void>;
}

async function openLevel(bed: Bed, folder: string): Promise<AwaitedStore> {
  type Constructor = new (path: string, options: object) => LevelDatabase;
  const { ClassicLevel } = loadPeer("classic-level") as { ClassicLevel: Constructor };
  const db = new ClassicLevel(join(folder, "level"), {
    keyEncoding: bed.spec.shape === "text" ? "utf8" : "buffer",
    valueEncoding: "buffer",
    cacheSize: bed.cacheBytes,
  });
  await db.open();
  return { put: (key, value) => db.put(key, value, { sync: true }), close: () => db.close() };
}
