/** Stores as targets: the pages of a closed one, and the log of one that was killed. */

import { crc32 } from "node:zlib";
import { bytesOf, diskWith, typed } from "./project.mjs";

const STORE = "/s.esp";
const BLOCK = 4096;

const encodings = {
  keyEncoding: "binary",
  valueEncoding: "binary",
  cacheBytes: 64 * BLOCK,
  logBytes: 256 * 1024,
};

const key = (i) => Buffer.from(`key ${String(i).padStart(3, "0")}${"x".repeat((i * 7) % 90)}`);

/** A small store that has everything: three levels, long values, named trees, free pages, a free list. */
function makeStore(project, pageSize, killed) {
  const vfs = new project.FaultyVfs({ seed: 1 });
  const store = project.open(STORE, { vfs, pageSize, ...encodings });
  const count = pageSize === 512 ? 60 : 120;
  store.transaction(() => {
    for (let i = 0; i < count; i++)
      store.put(key(i), Buffer.alloc(i % 20 === 5 ? pageSize + i : i % 30, 0x80 + i));
  });
  store.tree("named", { keyEncoding: "ordered", valueEncoding: "json" }).put(["a", 1], { b: [1, 2] });
  store.deleteRange({ gte: key(20), lt: key(30) });
  store.checkpoint();
  if (!killed) store.close();
  for (let i = 0; killed && i < 12; i++) {
    store.put(key(200 + i), Buffer.alloc(i === 3 ? 2 * pageSize : 20, i));
    if (i % 4 === 3) store.delete(key(i));
  }
  const image = vfs.powerCutImage("dropped", 1);
  if (killed) store.close();
  return image;
}

/** The header in force, of the file's two copies. */
function headerIn(project, data) {
  let best;
  for (let copy = 0; copy < 2; copy++) {
    const part = data.subarray(copy * BLOCK, copy * BLOCK + 512);
    const found =
      project.header.headerVersion(part) === 1 ? project.header.decodeStoreHeader(part) : undefined;
    if (found !== undefined && (best === undefined || found.sequence > best.sequence)) best = found;
  }
  return best;
}

/** Makes the checksums of headers right, then those of all pages that say their number, by what the header in force says. */
function sealStore(project, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let copy = 0; copy < 2 && bytes.length >= copy * BLOCK + 512; copy++)
    view.setUint32(copy * BLOCK + 508, crc32(bytes.subarray(copy * BLOCK, copy * BLOCK + 508)), true);
  const found = bytes.length >= 2 * BLOCK ? headerIn(project, bytes) : undefined;
  if (found === undefined) return;
  const seed = project.pages.checksumSeed(found.storeId);
  for (
    let page = project.header.firstPage(found.pageSize);
    (page + 1) * found.pageSize <= bytes.length;
    page++
  ) {
    const at = page * found.pageSize;
    // Pages of long values have no header; their bytes are checked by the reference.
    if (view.getUint32(at + project.pages.AT_NUMBER, true) !== page) continue;
    view.setUint32(at, project.pages.pageChecksum(bytes, at, found.pageSize, seed), true);
  }
}

/** Uses all of a store, reading and writing. */
function useStore(project, vfs, readOnly) {
  const store = project.open(STORE, { vfs, ...encodings, createIfMissing: false, readOnly });
  try {
    const { ok } = store.verify();
    for (const name of ["", ...store.trees()]) {
      if (name !== "") {
        typed(project, () => [...store.tree(name, { keyEncoding: "ordered", valueEncoding: "json" })].length);
        continue;
      }
      let records = 0;
      let before;
      for (const [found, value] of store.range()) {
        if (before !== undefined && ok && Buffer.compare(before, found) >= 0)
          throw new Error("keys out of order");
        before = found;
        records++;
        if (ok && Buffer.compare(store.get(found) ?? Buffer.alloc(0), value) !== 0)
          throw new Error("get and range give different values");
      }
      if (ok && records !== store.count()) throw new Error("the count is another");
      typed(project, () => [...store.keys({ reverse: true, limit: 50 })].length);
    }
    if (readOnly) return;
    typed(project, () => store.put(key(7), Buffer.alloc(300, 1)));
    typed(project, () => store.put(key(15), Buffer.alloc(1, 1)));
    typed(project, () => store.delete(key(40)));
    typed(project, () => store.deleteRange({ gte: key(8), lt: key(19) }));
    typed(project, () => store.clear());
  } finally {
    typed(project, () => store.close());
  }
}

/** The file of a closed store. */
export function storeTarget(project, name, pageSize) {
  const whole = bytesOf(project, makeStore(project, pageSize, false), STORE);
  return {
    name,
    seeds: [whole],
    /** Headers of pages and their slots, rather than bytes of values. */
    place(bytes, prng) {
      if (prng.chance(0.04)) return prng.below(2) * BLOCK + prng.below(104);
      const page =
        project.header.firstPage(pageSize) +
        prng.below(bytes.length / pageSize - project.header.firstPage(pageSize));
      const lot = prng.below(3);
      if (lot === 0) return page * pageSize + 8 + prng.below(40);
      return (page + 1) * pageSize - 1 - (lot === 1 ? prng.below(64) : prng.below(pageSize));
    },
    run(bytes) {
      const sealed = bytes.slice();
      sealStore(project, sealed);
      return typed(project, () => useStore(project, diskWith(project, { [STORE]: sealed }), false));
    },
  };
}

/** The frames of the log that a killed process has left. */
export function logTarget(project, name, pageSize) {
  const disk = makeStore(project, pageSize, true);
  const data = bytesOf(project, disk, STORE);
  const position = headerIn(project, data).log;
  const path = project.log.segmentPath(STORE, position.segment);
  const other = project.log.segmentPath(STORE, 1 - position.segment);
  const segment = bytesOf(project, disk, path);
  let end = BLOCK;
  const view = new DataView(segment.buffer);
  const lengths = [];
  for (let at = BLOCK; at + 40 <= segment.length; ) {
    if (view.getUint32(at + 16, true) !== position.salt) {
      const aligned = Math.ceil(at / BLOCK) * BLOCK;
      if (aligned === at || aligned + 40 > segment.length) break;
      at = aligned;
      continue;
    }
    lengths.push([at, view.getUint32(at + 8, true)]);
    at += view.getUint32(at + 8, true);
    end = at;
  }
  const frames = segment.slice(BLOCK, Math.ceil(end / BLOCK) * BLOCK);
  return {
    name,
    seeds: [frames],
    place: (bytes, prng) => {
      const [at, length] = prng.pick(lengths);
      return Math.min(
        bytes.length - 1,
        at - BLOCK + prng.below(prng.chance(0.2) ? 40 : Math.min(length, 400)),
      );
    },
    run(bytes) {
      const sealed = segment.slice(0, BLOCK + frames.length);
      sealed.set(bytes.subarray(0, sealed.length - BLOCK), BLOCK);
      sealFrames(project, sealed, position);
      return typed(project, () => {
        const files = { [STORE]: data, [other]: bytesOf(project, disk, other), [path]: sealed };
        useStore(project, diskWith(project, files), bytes.length % 2 === 1 || (bytes[80] & 1) === 1);
      });
    },
  };
}

/** Goes along the frames by their lengths and makes salt, generation and both checksums right. */
function sealFrames(project, segment, position) {
  const words = new Uint32Array(segment.buffer);
  let chain = position.chain;
  for (let at = BLOCK; at + 40 <= segment.length; ) {
    const length = words[(at >> 2) + 2];
    if (length < 40 || (length & 7) !== 0 || at + length > segment.length) {
      const aligned = Math.ceil(at / BLOCK) * BLOCK;
      if (aligned === at) return;
      at = aligned;
      continue;
    }
    words[(at >> 2) + 4] = position.salt;
    words[(at >> 2) + 5] = position.generation;
    words[(at >> 2) + 1] = project.log.frameHeaderCheck(words, at >> 2);
    chain = crc32(segment.subarray(at + 4, at + length), chain);
    words[at >> 2] = chain;
    at += length;
  }
}
