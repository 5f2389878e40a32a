/**
 * An async callback is refused, and its promise, which nobody else holds, does no harm. Story: its rejection was
 * unhandled, and ended the process although the caller had caught the transaction's error.
 */

import { afterEach, beforeEach, expect, it } from "vitest";
import { open, type Store, TransactionError } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

let store: Store<string, number>;
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  store = open("/s.esp", { vfs: new MemoryVfs() });
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  // Rejections are told when the turn has ended.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
  expect(store.verify().ok).toBe(true);
  store.close();
});

function refusalOf(body: () => unknown): TransactionError {
  try {
    store.transaction(body);
  } catch (error) {
    if (error instanceof TransactionError) return error;
    throw error;
  }
  throw new Error("not refused");
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("that rejects: the reason becomes the cause", async () => {
  const awaited = refusalOf(() => store.putAsync("a", 1));
  const reason = new Error("of the callback's own");
  const thrown = refusalOf(async () => {
    store.put("b", 1);
    throw reason;
  });
  const later = refusalOf(async () => {
    await turn();
    throw reason;
  });
  await turn();
  await turn();
  expect(awaited.cause).toBeInstanceOf(TransactionError);
  expect(thrown.cause).toBe(reason);
  expect(later.cause).toBe(reason);
  expect(store.count()).toBe(0);
});

it("that does not: what it wrote before its first await is undone, what it writes later is committed", async () => {
  let done: Promise<void> | undefined;
  const error = refusalOf(() => {
    const run = async (): Promise<void> => {
      store.put("before", 1);
      await turn();
      store.put("after", 2);
    };
    done = run();
    return done;
  });
  expect(store.count()).toBe(0);
  await done;
  expect([...store.range()]).toEqual([["after", 2]]);
  expect("cause" in error).toBe(false);
});

it("a thenable that starts when it is asked is not asked", async () => {
  let asked = 0;
  // biome-ignore lint/suspicious/noThenProperty: it is what is tested
  refusalOf(() => ({ then: () => void asked++ }));
  await turn();
  expect(asked).toBe(0);
});
