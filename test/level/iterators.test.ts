/** Iterators beyond abstract-level's own suite: what classic-level tests of its own, and what is special here. */

import { describe, expect, it } from "vitest";
import type { EspalierLevel } from "../../src/level/index.js";
import { closing, codesOf, openLevel } from "./support/databases.js";

async function filled(records: number, value = "value"): Promise<EspalierLevel> {
  const db = await openLevel({ pageSize: 512 });
  await db.batch(
    Array.from({ length: records }, (_, i) => ({ type: "put", key: keyOf(i), value: `${value}${i}` })),
  );
  return db;
}

function keyOf(i: number): string {
  return `key${String(i).padStart(6, "0")}`;
}

function snapshots(db: EspalierLevel): number {
  return db.store.stats().snapshots;
}

describe("an iterator", () => {
  it("goes on from where seek() went", async () => {
    const db = await filled(7);
    const iterator = closing(db.iterator());
    expect(await iterator.next()).toEqual([keyOf(0), "value0"]);
    expect(await iterator.next()).toEqual([keyOf(1), "value1"]);
    iterator.seek(keyOf(4));
    expect(await iterator.next()).toEqual([keyOf(4), "value4"]);
    expect(await iterator.nextv(2)).toEqual([
      [keyOf(5), "value5"],
      [keyOf(6), "value6"],
    ]);
    expect(await iterator.next()).toBeUndefined();
    iterator.seek(keyOf(2));
    expect(await iterator.next()).toEqual([keyOf(2), "value2"]);
  });

  it("gives with nextv() what next() has left", async () => {
    for (const size of [1, 10]) {
      const db = await filled(4);
      const iterator = closing(db.iterator());
      await iterator.next();
      await iterator.next();
      const rest: unknown[] = [];
      for (;;) {
        const some = await iterator.nextv(size);
        if (some.length === 0) break;
        rest.push(...some);
      }
      expect(rest).toEqual([
        [keyOf(2), "value2"],
        [keyOf(3), "value3"],
      ]);
    }
  });

  it("does not mind options of LevelDB", async () => {
    const db = await filled(4);
    for (const highWaterMarkBytes of [0, 1, Number.POSITIVE_INFINITY]) {
      const options = { highWaterMarkBytes, fillCache: true };
      expect(await db.iterator(options).all()).toHaveLength(4);
      expect(await db.keys(options).all()).toHaveLength(4);
      expect(await db.values(options).all()).toHaveLength(4);
    }
  });

  it("can be asked for the next record from the answer, tens of thousands of times", async () => {
    const db = await filled(20_000);
    const iterator = closing(db.iterator());
    let records = 0;
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        iterator.next().then((entry) => {
          if (entry === undefined) resolve();
          else {
            records++;
            next();
          }
        }, reject);
      };
      next();
    });
    expect(records).toBe(20_000);
  });

  it("lets the event loop turn while all() reads much", async () => {
    const db = await filled(10_000);
    let turns = 0;
    let reading = true;
    const turn = (): void => {
      turns++;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    expect(await db.iterator().all()).toHaveLength(10_000);
    reading = false;
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it("stops in the middle of all() when its signal fires", async () => {
    const db = await filled(10_000);
    const kinds = {
      iterator: (signal: AbortSignal) => db.iterator({ signal }),
      keys: (signal: AbortSignal) => db.keys({ signal }),
      values: (signal: AbortSignal) => db.values({ signal }),
    };
    for (const [kind, make] of Object.entries(kinds)) {
      const controller = new AbortController();
      const iterator = make(controller.signal);
      setImmediate(() => controller.abort());
      const error = await iterator.all().catch((thrown: unknown) => thrown);
      expect(error, kind).toMatchObject({
        code: "LEVEL_ABORTED",
        name: "AbortError",
      });
      expect(snapshots(db)).toBe(0);
    }
  });

  it("reads no values where none are wanted", async () => {
    const db = await openLevel({ pageSize: 512 });
    await db.put("big", "x".repeat(100_000));
    expect(await db.iterator({ values: false }).all()).toEqual([["big", undefined]]);
    expect(await db.iterator({ keys: false }).all()).toEqual([[undefined, "x".repeat(100_000)]]);
    expect(await db.iterator({ keys: false, values: false }).all()).toEqual([[undefined, undefined]]);
  });

  it("keeps its bounds though the caller changes the bytes", async () => {
    const db = await filled(10);
    const bound = Buffer.from(keyOf(3));
    const iterator = closing(db.keys({ gte: bound, keyEncoding: "buffer" }));
    bound.fill(0xff);
    expect(String(await iterator.next())).toBe(keyOf(3));
  });

  it("goes to the empty key where the encoding has made nothing of the target of seek()", async () => {
    const db = await filled(3);
    for (const [reverse, records] of [
      [false, 3],
      [true, 0],
    ] as const) {
      const iterator = closing(db.values<unknown, string>({ keyEncoding: "json", reverse }));
      iterator.seek(undefined);
      expect(await iterator.nextv(10)).toHaveLength(records);
    }
  });

  it("whose bound was transferred away is refused, and leaves nothing that keeps the database open", async () => {
    const db = await filled(1);
    const bound = Uint8Array.of(1);
    structuredClone(bound, { transfer: [bound.buffer] });
    const options = { gte: bound, keyEncoding: "view" };
    for (const make of [() => db.iterator(options), () => db.keys(options), () => db.values(options)])
      expect(make).toThrow(TypeError);
    expect(snapshots(db)).toBe(0);
    await db.close();
    expect(db.status).toBe("closed");
  });

  it("sees the store as it was when it was made, however much is written", async () => {
    const db = await filled(1000, "old");
    const iterator = closing(db.iterator());
    await iterator.next();
    await db.batch(Array.from({ length: 1000 }, (_, i) => ({ type: "put", key: keyOf(i), value: "new" })));
    await db.clear({ gte: keyOf(500) });
    const entries = await iterator.all();
    expect(entries).toEqual(Array.from({ length: 999 }, (_, i) => [keyOf(i + 1), `old${i + 1}`]));
    expect(await db.keys().all()).toHaveLength(500);
  });

  it("lets go of its snapshot when it is closed, or at its end by all() and for await", async () => {
    const db = await filled(10);
    const first = db.iterator();
    const second = db.keys();
    await db.put("more", "1");
    const third = db.values();
    expect(snapshots(db)).toBe(3);
    await first.close();
    await second.close();
    expect(snapshots(db)).toBe(1);
    await third.all();
    expect(snapshots(db)).toBe(0);
    for await (const key of db.keys()) if (key === keyOf(3)) break;
    for await (const _ of db.iterator());
    await Promise.all([first.close(), second.close(), third.close()]);
    expect(snapshots(db)).toBe(0);
    const seeking = db.iterator({ reverse: true });
    for (const i of [7, 3, 5]) {
      seeking.seek(keyOf(i));
      expect(await seeking.next()).toEqual([keyOf(i), `value${i}`]);
    }
    await seeking.close();
    expect(snapshots(db)).toBe(0);
  });
});

describe("closing the database", () => {
  it("closes iterators that were left open, whatever they have read", async () => {
    for (const reads of [0, 1, 2]) {
      const db = await filled(10);
      const iterators = Array.from({ length: 200 }, () => db.iterator());
      for (let i = 0; i < reads; i++) for (const iterator of iterators) await iterator.next();
      await db.close();
      expect(await codesOf(() => iterators[0]!.next())).toEqual(["LEVEL_ITERATOR_NOT_OPEN"]);
    }
  });

  it("waits for iterators that are being read or closed", async () => {
    const db = await filled(10);
    const reading = Array.from({ length: 200 }, () => db.iterator().next());
    const ending = db.iterator();
    const ended = ending.next().then(() => ending.close());
    await db.close();
    expect((await Promise.all(reading)).every((entry) => entry?.[0] === keyOf(0))).toBe(true);
    await ended;
  });

  it("ends a chain of next() that would go on for ever", async () => {
    const db = await filled(10);
    const iterator = db.iterator();
    let code = "";
    const next = (): void => {
      iterator.next().then(
        (entry) => {
          if (entry === undefined) iterator.seek(keyOf(0));
          next();
        },
        (error) => {
          code = error.code;
        },
      );
    };
    next();
    await db.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(code).toBe("LEVEL_ITERATOR_NOT_OPEN");
  });
});
