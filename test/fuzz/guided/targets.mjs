/**
 * What is fuzzed: everything that takes bytes from a disk. A target has inputs to begin with, and runs an input
 * with its checksums made right, so that what stands behind them gets it. It returns where the input was
 * refused with an error of espalier's own, or was sound; anything else that is thrown is a finding.
 *
 * `load` imports a compiled module of the project.
 */

import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";

const STORE = "/s.esp";
const BLOCK = 4096;

export async function makeTargets(load, fixtures) {
  const { EspalierError, open } = await load("src/index.js");
  const { MemoryVfs } = await load("src/vfs/memory-vfs.js");
  const { FaultyVfs } = await load("src/vfs/faulty-vfs.js");
  const { FileBytes } = await load("src/vfs/file-bytes.js");
  const { readExactly } = await load("src/vfs/whole-io.js");
  const header = await load("src/pager/store-header.js");
  const pages = await load("src/pager/page-header.js");
  const log = await load("src/log/log-format.js");
  const { openLegacy } = await load("migrate/legacy/legacy-file.js");
  const { salvageLegacy } = await load("migrate/legacy/salvage.js");
  const { PageSeal, headerSalt } = await load("migrate/legacy/page-check.js");
  const { convertInPlace } = await load("migrate/in-place-steps.js");
  const { newResult, RefusedError } = await load("migrate/results.js");
  const { inspectFile } = await load("migrate/file-state.js");
  const { fillFromProgram } = await load("migrate/in-place-steps.js");

  const encodings = {
    keyEncoding: "binary",
    valueEncoding: "binary",
    cacheBytes: 64 * BLOCK,
    logBytes: 256 * 1024,
  };

  function bytesOf(vfs, path) {
    const file = vfs.open(path, "read");
    const bytes = new Uint8Array(file.size());
    readExactly(file, bytes, 0, bytes.length, 0);
    file.close();
    return bytes;
  }

  function diskWith(files) {
    const vfs = new MemoryVfs();
    for (const [path, bytes] of Object.entries(files)) {
      const content = new FileBytes();
      content.write(bytes, 0, bytes.length, 0);
      vfs.place(path, "open", content);
    }
    return vfs;
  }

  /** Runs it; an error of espalier's own is an answer. */
  function typed(body) {
    try {
      body();
      return "sound";
    } catch (error) {
      if (error instanceof EspalierError || error instanceof RefusedError) return error.code ?? "refused";
      throw error;
    }
  }

  // ---- stores

  const key = (i) => Buffer.from(`key ${String(i).padStart(3, "0")}${"x".repeat((i * 7) % 90)}`);

  /** A small store that has everything: three levels, long values, named trees, free pages, a free list. */
  function makeStore(pageSize, killed) {
    const vfs = new FaultyVfs({ seed: 1 });
    const store = open(STORE, { vfs, pageSize, ...encodings });
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

  function headerIn(data) {
    let best;
    for (let copy = 0; copy < 2; copy++) {
      const part = data.subarray(copy * BLOCK, copy * BLOCK + 512);
      const found = header.headerVersion(part) === 1 ? header.decodeStoreHeader(part) : undefined;
      if (found !== undefined && (best === undefined || found.sequence > best.sequence)) best = found;
    }
    return best;
  }

  /** Makes the checksums of headers right, then those of all pages, by what the header in force says. */
  function sealStore(bytes, numbers) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let copy = 0; copy < 2 && bytes.length >= copy * BLOCK + 512; copy++)
      view.setUint32(copy * BLOCK + 508, crc32(bytes.subarray(copy * BLOCK, copy * BLOCK + 508)), true);
    const found = bytes.length >= 2 * BLOCK ? headerIn(bytes) : undefined;
    if (found === undefined) return;
    const seed = pages.checksumSeed(found.storeId);
    for (let page = header.firstPage(found.pageSize); (page + 1) * found.pageSize <= bytes.length; page++) {
      const at = page * found.pageSize;
      // Pages of long values have no header; their bytes are checked by the reference.
      if (numbers && view.getUint32(at + pages.AT_NUMBER, true) !== page) continue;
      view.setUint32(at, pages.pageChecksum(bytes, at, found.pageSize, seed), true);
    }
  }

  /** Uses all of a store, reading and writing. */
  function useStore(vfs, readOnly) {
    const store = open(STORE, { vfs, ...encodings, createIfMissing: false, readOnly });
    try {
      const { ok } = store.verify();
      for (const name of ["", ...store.trees()]) {
        if (name !== "") {
          typed(() => [...store.tree(name, { keyEncoding: "ordered", valueEncoding: "json" })].length);
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
        typed(() => [...store.keys({ reverse: true, limit: 50 })].length);
      }
      if (readOnly) return;
      typed(() => store.put(key(7), Buffer.alloc(300, 1)));
      typed(() => store.put(key(15), Buffer.alloc(1, 1)));
      typed(() => store.delete(key(40)));
      typed(() => store.deleteRange({ gte: key(8), lt: key(19) }));
      typed(() => store.clear());
    } finally {
      typed(() => store.close());
    }
  }

  const storeTarget = (name, pageSize) => {
    const whole = bytesOf(makeStore(pageSize, false), STORE);
    return {
      name,
      seeds: [whole],
      /** Headers of pages and their slots, rather than bytes of values. */
      place(bytes, prng) {
        if (prng.chance(0.04)) return prng.below(2) * BLOCK + prng.below(104);
        const page =
          header.firstPage(pageSize) + prng.below(bytes.length / pageSize - header.firstPage(pageSize));
        const lot = prng.below(3);
        if (lot === 0) return page * pageSize + 8 + prng.below(40);
        return (page + 1) * pageSize - 1 - (lot === 1 ? prng.below(64) : prng.below(pageSize));
      },
      run(bytes) {
        const sealed = bytes.slice();
        sealStore(sealed, true);
        return typed(() => useStore(diskWith({ [STORE]: sealed }), false));
      },
    };
  };

  // ---- the log

  function logTarget(name, pageSize) {
    const disk = makeStore(pageSize, true);
    const data = bytesOf(disk, STORE);
    const position = headerIn(data).log;
    const path = log.segmentPath(STORE, position.segment);
    const other = log.segmentPath(STORE, 1 - position.segment);
    const segment = bytesOf(disk, path);
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
        sealFrames(sealed, position);
        return typed(() => {
          const files = { [STORE]: data, [other]: bytesOf(disk, other), [path]: sealed };
          useStore(diskWith(files), bytes.length % 2 === 1 || (bytes[80] & 1) === 1);
        });
      },
    };
  }

  /** Goes along the frames by their lengths and makes salt, generation and both checksums right. */
  function sealFrames(segment, position) {
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
      words[(at >> 2) + 1] = log.frameHeaderCheck(words, at >> 2);
      chain = crc32(segment.subarray(at + 4, at + length), chain);
      words[at >> 2] = chain;
      at += length;
    }
  }

  // ---- the migrator

  function legacyFile(name) {
    return new Uint8Array(readFileSync(new URL(name, fixtures)));
  }

  function sealLegacy(bytes, pageSize) {
    if (bytes.length < pageSize) return;
    const seal = new PageSeal(pageSize, headerSalt(bytes.subarray(0, pageSize)));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let page = 0; (page + 1) * pageSize <= bytes.length; page++) {
      const part = bytes.subarray(page * pageSize, (page + 1) * pageSize);
      if (view.getUint32(page * pageSize) === 0x534f_4d42)
        view.setUint32(page * pageSize + 28, seal.checksum(part, page));
    }
  }

  function legacyTarget(name, file) {
    const whole = legacyFile(file);
    const pageSize = new DataView(whole.buffer).getUint32(8);
    return {
      name,
      seeds: [whole],
      place(bytes, prng) {
        const page = prng.below(bytes.length / pageSize);
        const lot = prng.below(4);
        if (lot === 0) return page * pageSize + prng.below(32);
        if (lot < 3) return page * pageSize + 32 + prng.below(lot === 1 ? 60 : 600);
        return (page + 1) * pageSize - 1 - prng.below(400);
      },
      run(bytes) {
        const sealed = bytes.slice();
        sealLegacy(sealed, pageSize);
        const vfs = diskWith({ "/file.db": sealed });
        typed(() => salvageLegacy(vfs, "/file.db"));
        return typed(() => {
          const source = openLegacy(vfs, "/file.db");
          try {
            source.inspect();
          } finally {
            source.close();
          }
        });
      },
    };
  }

  /** A file whose conversion has begun: its journal, with right checksums. */
  function journalTarget() {
    const vfs = diskWith({ "/file.db": legacyFile("gen3/u64-seq-1k.db") });
    const steps = convertInPlace(
      vfs,
      "/file.db",
      { verify: "none", assumeClosed: true },
      newResult("/file.db"),
      () => undefined,
    );
    for (let step = steps.next(); step.value?.phase === "check"; step = steps.next());
    const whole = bytesOf(vfs, "/file.db");
    steps.return();
    const trailer = new DataView(whole.buffer, whole.length - 512);
    const start = Number(trailer.getBigUint64(16, true));
    const slotBytes = trailer.getUint32(12, true);
    const headBytes = trailer.getUint32(24, true);
    const headAt = 2 * slotBytes;
    const head = JSON.parse(
      Buffer.from(whole.subarray(start + headAt, start + headAt + headBytes)).toString(),
    );
    return {
      name: "journal",
      seeds: [whole.slice(start)],
      place: (bytes, prng) => {
        const lot = prng.below(4);
        if (lot === 0) return bytes.length - 512 + prng.below(48);
        if (lot === 1) return prng.below(2) * slotBytes + prng.below(64);
        return headAt + prng.below(headBytes);
      },
      run(bytes) {
        const sealed = new Uint8Array(start + bytes.length);
        sealed.set(whole.subarray(0, start));
        sealed.set(bytes, start);
        sealJournal(sealed, start, slotBytes, headBytes, head.head.id);
        return typed(() => {
          const state = inspectFile(diskWith({ "/file.db": sealed }), "/file.db");
          if (state.kind === "migrating") fillFromProgram(state.program, newResult("/file.db"));
        });
      },
    };
  }

  function sealJournal(file, start, slotBytes, headBytes, id) {
    const view = new DataView(file.buffer);
    for (let slot = 0; slot < 2; slot++) {
      const at = start + slot * slotBytes;
      const length = Math.min(view.getUint32(at + 4, true), slotBytes - 28);
      view.setUint32(at, crc32(file.subarray(at + 4, at + 28 + length), crc32(id)), true);
    }
    const head = file.subarray(start + 2 * slotBytes, start + 2 * slotBytes + headBytes);
    for (const at of [0, file.length - 512]) {
      view.setUint32(at + 28, crc32(head), true);
      view.setUint32(at + 40, crc32(file.subarray(at, at + 40)), true);
    }
  }

  return [
    storeTarget("store-512", 512),
    storeTarget("store-4096", 4096),
    logTarget("log-512", 512),
    logTarget("log-4096", 4096),
    legacyTarget("legacy-gen1", "gen1/u64-wal.db"),
    legacyTarget("legacy-gen2", "gen2/u64-wal.db"),
    legacyTarget("legacy-gen3", "gen3/u64-seq-1k.db"),
    journalTarget(),
  ];
}
