/** Ranges inside a transaction see its edits as they are made, and miss nothing. */

import { expect, it } from "vitest";
import { ClosedError, open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";

/**
 * Story: the record that the range was at was deleted, and it was the last of its leaf. Going on, the range
 * looked whether the next leaf's first record was the one it had been at, without the prefix that the
 * leaf cuts off its keys: k100 and k200 looked the same there, and k200 was left out.
 */
it("leave out nothing where the record that they are at is deleted", () => {
  using store = open<string, string>("/s.esp", {
    vfs: new MemoryVfs(),
    pageSize: 512,
    valueEncoding: "utf8",
  });
  // Groups, and leaves that end where a group does: the last key of one differs from the first of the next
  // by the group's letter only.
  const keys = Array.from({ length: 26 * 40 }, (_, i) => {
    const group = Math.floor(i / 40);
    return `${String.fromCharCode(97 + group)}${String(group * 39 + (i % 40)).padStart(5, "0")}`;
  });
  for (let i = 0; i < keys.length; i++) {
    store.put(keys[(i * 347) % keys.length] as string, "a value of some length");
  }
  const undone = new Error("undone");
  for (const reverse of [false, true]) {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      const bound = reverse ? { lte: key } : { gte: key };
      const seen: string[] = [];
      expect(() =>
        store.transaction(() => {
          for (const found of store.keys({ ...bound, reverse, limit: 3 })) {
            seen.push(found);
            store.delete(found);
          }
          throw undone;
        }),
      ).toThrow(undone);
      const expected = reverse ? keys.slice(Math.max(0, i - 2), i + 1).reverse() : keys.slice(i, i + 3);
      expect(seen).toEqual(expected);
    }
  }
  expect(store.verify()).toMatchObject({ ok: true, records: 1040 });
});

/** Story: only a range that had begun looked whether its transaction still ran. */
it("end with their transaction, begun or not", () => {
  using store = open<string, string>("/s.esp", { vfs: new MemoryVfs(), valueEncoding: "utf8" });
  for (const key of ["a", "b", "c"]) store.put(key, key);
  for (const begun of [false, true]) {
    const range = store.transaction(() => {
      const made = store.range();
      if (begun) made.next();
      return [made] as const;
    })[0];
    expect(() => range.next()).toThrow(ClosedError);
    const other = store.transaction(() => [store.range()] as const)[0];
    store.transaction(() => expect(() => other.next()).toThrow(ClosedError));
  }
});
