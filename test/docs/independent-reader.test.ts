/**
 * docs/format.md says all that it takes to read a store: a reader made after it alone finds, in what workloads leave
 * closed, killed and after power cuts, exactly a state that the store had, and nothing amiss.
 */

import { afterAll, describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { POWER_CUTS } from "../../src/vfs/crash-image.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { bytesOf } from "../support/damage.js";
import { orderedKey } from "../support/independent/ordered-key.js";
import { type IndependentContent, readIndependently } from "../support/independent/reader.js";
import { digestOf, fingerprintOf, keyOfBytes } from "../support/model.js";
import { type Session, STORE_PATH } from "../support/session.js";
import { makeSyncsSlow } from "../support/slow-syncs.js";
import { sessionOf, WORKLOADS } from "../support/workloads.js";

const { env } = process;
const SEED: number = Number(env["ESPALIER_READER_SEED"] ?? 1);
/** So many times as many images. */
const TIMES: number = Number(env["ESPALIER_READER_TIMES"] ?? 1);
/** About one image is taken in so many calls that change the disk. */
const CASES: readonly (readonly [workload: string, callsAnImage: number, pageSizes: readonly number[]])[] = [
  ["both-segments", 100, [4096]],
  ["compact-catalogue", 20, [512, 4096]],
  ["overflow-values", 50, [1024, 32768]],
  ["open-and-close", 50, [2048, 8192]],
  ["named-trees", 50, [512, 16384]],
  ["varied-meanwhile", 100, [4096]],
  ["tight-transactions", 150, [1024]],
];
const RECORD_KINDS = 14;
const MIB = 1024 * 1024;

const kindsMet = new Set<number>();
let images = 0;
let partsDropped = 0;
let secondSegments = 0;

function readFiles(vfs: MemoryVfs): IndependentContent {
  const [data, first, second] = ["", "-log1", "-log2"].map((end) => {
    const path = `${STORE_PATH}${end}`;
    return vfs.stat(path) === undefined ? undefined : Buffer.from(bytesOf(vfs, path).buffer);
  });
  expect(data).toBeDefined();
  const content = readIndependently({ data: data!, logs: [first, second] });
  for (const kind of content.log.kinds) kindsMet.add(kind);
  partsDropped += content.log.partsDropped;
  if (content.log.segments > 1) secondSegments++;
  images++;
  return content;
}

/** Which of the session's states the files hold; -1: none that there was. */
function stateIn(vfs: MemoryVfs, session: Session): number {
  const digests = [...readFiles(vfs).trees].map(([name, records]): [string, string] => [
    name,
    digestOf(new Map(records.map(([key, value]) => [keyOfBytes(key), value]))),
  ]);
  return session.history.states.lastIndexOf(fingerprintOf(digests));
}

async function readEverywhere(name: string, pageSize: number, callsAnImage: number): Promise<void> {
  const workload = WORKLOADS.find((each) => each.name === name)!;
  const vfs = new FaultyVfs({ seed: SEED });
  const session = sessionOf(workload, vfs, pageSize, SEED);
  const { history } = session;
  const prng = new Prng(SEED);
  let failure: Error | undefined;
  const look = (call: number): void => {
    const policy = prng.pick([...POWER_CUTS, ...POWER_CUTS.map(() => undefined)]);
    const seed = prng.next();
    const image = policy === undefined ? vfs.processKill(seed).live : vfs.powerCutImage(policy, seed);
    const least = policy === undefined ? history.committed : history.durable;
    try {
      expect(stateIn(image, session)).toBeGreaterThanOrEqual(least);
    } catch (cause) {
      failure = new Error(`seed ${SEED}, call ${call}, ${policy ?? "kill"} ${seed}`, { cause });
    }
  };
  vfs.onCall = ({ changes, call }) => {
    const wanted = changes && history.opened && prng.chance(TIMES / callsAnImage);
    if (wanted && failure === undefined) look(call);
  };
  await workload.run(session);
  if (failure !== undefined) throw failure;
  expect(vfs.stat(`${STORE_PATH}-log1`), "a workload that does not close its store").toBeUndefined();
  expect(stateIn(vfs.live, session)).toBe(history.newest);
}

describe("a reader made after docs/format.md finds what the store had", () => {
  for (const [name, callsAnImage, pageSizes] of CASES) {
    it.each(pageSizes)(`${name}, page size %i`, async (pageSize) => {
      const restore = makeSyncsSlow();
      try {
        await readEverywhere(name, pageSize, callsAnImage);
      } finally {
        restore();
      }
    });
  }

  it.each([512, 32768])("values about and beyond 1 MiB, and the longest keys, page size %i", (pageSize) => {
    const vfs = new MemoryVfs();
    const store = open<string, Uint8Array>(STORE_PATH, { vfs, pageSize, valueEncoding: "binary" });
    const long = "k".repeat(store.stats().keyBytesMax - 1);
    const values = new Map<string, Uint8Array>();
    for (const [i, length] of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 7].entries())
      values.set(`${long}${i}`, Buffer.alloc(length, `value ${i} `));
    for (const [key, value] of values) store.put(key, value);
    const found = (): (string | boolean)[][] =>
      readFiles(vfs)
        .trees.get("")!
        .map(([key, value]) => [key.toString(), value.equals(values.get(key.toString())!)]);
    const expected = [...values.keys()].map((key) => [key, true]);
    expect(found()).toEqual(expected);
    store.close();
    expect(found()).toEqual(expected);
  });

  it("ordered keys of all kinds", () => {
    const vfs = new MemoryVfs();
    const store = open<unknown, number>(STORE_PATH, { vfs, keyEncoding: "ordered" });
    const prng = new Prng(SEED);
    const bits = new DataView(new ArrayBuffer(8));
    const number = (): number => {
      for (let i = 0; i < 8; i += 4) bits.setUint32(i, prng.next());
      const any = bits.getFloat64(0);
      return prng.chance(0.5) || Number.isNaN(any) ? (prng.next() - 2 ** 31) / prng.pick([1, 4, 1000]) : any;
    };
    const bigint = (): bigint => BigInt(prng.pick([1, -1]) * prng.next()) ** BigInt(1 + prng.below(30)) + 1n;
    const characters = ["\0", "\x04", "\x1b", "a", "é", "€", "😀"];
    const text = (): string =>
      Array.from({ length: prng.below(prng.pick([4, 90])) }, () => prng.pick(characters)).join("");
    const element = (): unknown => prng.pick([() => null, () => true, () => false, number, bigint, text])();
    store.transaction(() => {
      for (const key of ["", 0, 2 ** -1074, 1 / 0, -1 / 0, [null, null], [null, "", null]]) store.put(key, 0);
      for (let i = 0; i < 1000; i++)
        store.put(prng.chance(0.5) ? element() : Array.from({ length: 2 + prng.below(4) }, element), i);
    });
    const found = readFiles(vfs)
      .trees.get("")!
      .map(([key]) => orderedKey(key));
    expect(found).toEqual([...store.keys()]);
    expect(found.length).toBeGreaterThan(500);
    store.close();
  });

  afterAll(() => {
    console.log(`${images} images of seed ${SEED} read`);
    if (env["ESPALIER_READER_SEED"] !== undefined) return;
    expect([...kindsMet].sort((a, b) => a - b)).toEqual(Array.from({ length: RECORD_KINDS }, (_, i) => i));
    expect(partsDropped).toBeGreaterThan(0);
    expect(secondSegments).toBeGreaterThan(0);
  });
});
