/**
 * Workloads of transactions that do everything at once: values that cross the limit of what a leaf keeps, up and down;
 * keys behind prefixes of all lengths; ranges removed amid them; trees that are made, cleared and dropped in the
 * transaction that made them; some synced, some not, some undone, some of which nothing comes. Ranges and snapshots are
 * read on meanwhile, checkpoints, compact and backup run.
 */

import { BACKUP_PATH } from "./crash.js";
import { keyBytes, keyOfBytes, type Model, sortedKeys } from "./model.js";
import type { ByteStore, Session } from "./session.js";

const KEYS = 600;
const HELD_MAX = 3;
const ROUNDS = 30;
const NAMES: readonly string[] = ["", "", "", "a", "b", "c"];

type Edit =
  | { readonly kind: "put"; readonly tree: string; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly tree: string; readonly key: string }
  | { readonly kind: "range"; readonly tree: string; readonly from: string; readonly to: string }
  | { readonly kind: "create" | "clear" | "drop"; readonly tree: string };

/** A snapshot, and a range, with what they are to see. */
interface Held {
  readonly snapshot: ReturnType<ByteStore["snapshot"]>;
  readonly model: Model;
  readonly range: Iterator<[Uint8Array, Uint8Array]>;
  readonly rest: string[];
}

class Varied {
  readonly s: Session;
  readonly #prefixes: readonly string[];
  readonly #inline: number;
  #held: Held[] = [];

  constructor(s: Session) {
    const { pageSize } = s.settings;
    const longest = Math.floor((pageSize * 1000) / 4096);
    const half = `q${"x".repeat(longest >> 1)}`;
    this.s = s;
    this.#prefixes = ["", "p/", half, `${half}y${"z".repeat(Math.floor(longest / 3))}`];
    this.#inline = Math.floor((pageSize - 32) / 3) - 8;
  }

  key(): string {
    const n = this.s.prng.below(KEYS);
    return this.#prefixes[n % this.#prefixes.length] + String(n).padStart(4, "0");
  }

  value(): Uint8Array {
    const { prng, settings } = this.s;
    const lot = prng.below(10);
    if (lot < 4) return this.s.bytes(prng.below(settings.pageSize >> 3));
    if (lot < 6) return this.s.bytes(Math.max(0, this.#inline - 40 + prng.below(60)));
    if (lot < 8) return this.s.bytes(this.#inline + prng.below(3 * Math.max(4096, settings.pageSize)));
    return this.s.bytes(prng.below(this.#inline));
  }

  edits(count: number): Edit[] {
    const { prng, model } = this.s;
    const trees = new Set(model.trees.keys());
    const again = [this.key(), this.key(), this.key()];
    return Array.from({ length: count }, (): Edit => {
      const tree = prng.pick(NAMES);
      if (!trees.has(tree)) {
        trees.add(tree);
        return { kind: "create", tree };
      }
      const key = prng.chance(0.2) ? prng.pick(again) : this.key();
      const lot = prng.below(100);
      if (lot < 60) return { kind: "put", tree, key, value: this.value() };
      if (lot < 90) return { kind: "delete", tree, key };
      if (lot < 97 || tree === "") return { kind: "range", tree, from: key, to: this.key() };
      if (lot < 98) return { kind: "clear", tree };
      trees.delete(tree);
      return { kind: "drop", tree };
    });
  }

  transaction(count: number): void {
    const edits = this.edits(count);
    const sync = this.s.prng.pick([undefined, true, false]);
    const options = sync === undefined ? {} : { sync };
    const make = (): void => this.s.store.transaction(() => this.#toStore(edits), options);
    this.s.change((model) => toModel(model, edits), make, sync);
  }

  undone(count: number): void {
    const edits = this.edits(count);
    const stop = new Error("undone on purpose");
    try {
      this.s.store.transaction(() => {
        this.#toStore(edits);
        if (this.s.prng.chance(0.2)) this.letGo();
        throw stop;
      });
    } catch (error) {
      if (error !== stop) throw error;
    }
  }

  #toStore(edits: readonly Edit[]): void {
    const { s } = this;
    for (const edit of edits) {
      if (edit.kind === "drop") s.store.dropTree(edit.tree);
      else {
        const tree = s.tree(edit.tree);
        if (edit.kind === "clear") tree.clear();
        else if (edit.kind === "put") tree.put(keyBytes(edit.key), edit.value);
        else if (edit.kind === "delete") tree.delete(keyBytes(edit.key));
        else if (edit.kind === "range") tree.deleteRange({ gte: keyBytes(edit.from), lt: keyBytes(edit.to) });
      }
      if (s.prng.chance(0.01)) this.readOn();
    }
  }

  hold(): void {
    if (this.#held.length >= HELD_MAX) this.letGo();
    const { store, model, prng } = this.s;
    const reverse = prng.chance(0.5);
    const keys = sortedKeys(model.tree(""));
    const range = store.range({ reverse })[Symbol.iterator]();
    const rest = reverse ? keys.reverse() : keys;
    this.#held.push({ snapshot: store.snapshot(), model: model.clone(), range, rest });
  }

  readOn(): void {
    const held = this.#held[this.s.prng.below(HELD_MAX)];
    if (held === undefined) return;
    for (let left = this.s.prng.below(200); left > 0 && held.rest.length > 0; left--) {
      const key = held.rest.shift() as string;
      const next = held.range.next();
      if (next.done === true || keyOfBytes(next.value[0]) !== key)
        throw new Error("a range gave another key than there was");
      if (Buffer.compare(next.value[1], held.model.tree("").get(key) as Uint8Array) !== 0)
        throw new Error("a range gave another value than there was");
    }
  }

  letGo(): void {
    const held = this.#held.shift();
    if (held === undefined) return;
    const seen = this.s.model.clone();
    seen.trees.clear();
    for (const name of ["", ...held.snapshot.trees()]) {
      const from = name === "" ? held.snapshot : held.snapshot.tree<Uint8Array, Uint8Array>(name);
      const tree = seen.tree(name);
      for (const [key, value] of from.range()) tree.set(keyOfBytes(key), value);
    }
    if (seen.fingerprint() !== held.model.fingerprint())
      throw new Error("the snapshot saw something else than the store was");
    held.range.return?.();
    held.snapshot.close();
  }

  letAllGo(): void {
    while (this.#held.length > 0) this.letGo();
  }
}

function toModel(model: Model, edits: readonly Edit[]): void {
  for (const edit of edits) {
    const tree = edit.kind === "drop" ? undefined : model.tree(edit.tree);
    if (tree === undefined) model.trees.delete(edit.tree);
    else if (edit.kind === "clear") tree.clear();
    else if (edit.kind === "put") tree.set(edit.key, edit.value);
    else if (edit.kind === "delete") tree.delete(edit.key);
    else if (edit.kind === "range")
      for (const key of [...tree.keys()]) if (key >= edit.from && key < edit.to) tree.delete(key);
  }
}

const ACTIONS: readonly ((v: Varied) => void)[] = [
  // Of some of these nothing comes.
  (v) => v.transaction(1),
  (v) => v.transaction(1),
  (v) => v.transaction(1 + v.s.prng.below(12)),
  (v) => v.transaction(1 + v.s.prng.below(12)),
  (v) => v.transaction(40 + v.s.prng.below(60)),
  (v) => v.transaction(250),
  (v) => v.undone(1 + v.s.prng.below(60)),
  (v) => v.undone(300),
  (v) => v.s.checkpoint(),
  (v) => v.hold(),
  (v) => v.readOn(),
  (v) => v.letGo(),
];

export async function varied(s: Session): Promise<void> {
  const v = new Varied(s);
  s.open();
  for (let i = 0; i < 3; i++) v.transaction(60);
  for (let round = 0; round < ROUNDS; round++) {
    s.prng.pick(ACTIONS)(v);
    if (s.prng.chance(0.05)) await s.flush();
    if (s.prng.chance(0.03)) {
      v.letAllGo();
      s.close();
      s.open();
    }
  }
  v.letAllGo();
  s.close();
}

/** As varied, while the store is compacted and copied. */
export async function variedMeanwhile(s: Session): Promise<void> {
  const v = new Varied(s);
  s.open();
  for (const upkeep of ["compact", "backup", "compact"] as const) {
    v.transaction(120);
    if (upkeep === "backup") s.backup = s.model.fingerprint();
    const work: Promise<unknown> = upkeep === "backup" ? s.store.backup(BACKUP_PATH) : s.store.compact();
    work.catch(() => undefined); // It is awaited below, if nothing else fails before.
    for (let round = 0; round < ROUNDS / 3; round++) {
      s.prng.pick(ACTIONS)(v);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await work;
  }
  v.letAllGo();
  s.close();
}
