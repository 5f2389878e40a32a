/**
 * One store opened for one command: its trees as encoded bytes, whatever their encodings are. Commands
 * copy and show records without knowing what they mean.
 */

import { NotFoundError } from "../../base/errors.js";
import { Catalog, type TreeRecord, UNNAMED } from "../../store/catalog.js";
import type { Engine } from "../../store/engine.js";
import { open } from "../../store/open.js";
import type { StoreOptions } from "../../store/options.js";
import type { Store } from "../../store/store.js";
import { TreeHandle } from "../../store/tree-handle.js";
import { nodeVfs } from "../../vfs/node-vfs.js";

/** What a command says of a store whose header is as `mayLackLog` has it. */
export const MAY_LACK_LOG =
  "One copy of its header is damaged. Was it the newer one, what lay in its log is lost.";

export interface RawTree {
  readonly name: string;
  readonly record: TreeRecord;
  readonly handle: TreeHandle<Uint8Array, Uint8Array>;
}

export class Session {
  readonly store: Store<unknown, unknown>;
  readonly engine: Engine;
  readonly catalog: Catalog;

  constructor(store: Store<unknown, unknown>) {
    this.store = store;
    this.engine = store["engine"];
    this.catalog = new Catalog(this.engine);
  }

  /** A tree by name, undefined for the unnamed one. Throws NotFoundError. */
  tree(name: string | undefined): RawTree {
    const record = this.catalog.tree(name ?? UNNAMED, -1);
    if (record === undefined) {
      const names = this.store.trees();
      const there = names.length === 0 ? "it has no named trees" : `it has ${names.join(", ")}`;
      throw new NotFoundError(name ?? "", `the store has no tree "${name}"; ${there}`);
    }
    const bytes: TreeRecord = { root: record.root, keyEncoding: "binary", valueEncoding: "binary" };
    const handle = new TreeHandle<Uint8Array, Uint8Array>(this.engine, name ?? UNNAMED, bytes);
    return { name: name ?? UNNAMED, record, handle };
  }

  /**
   * Closes a store that was made for what has failed since, and takes its file away unless something is in it: another
   * process may have been the one that made it. While the lock is held, so that nobody else can begin to use it.
   */
  closeMadeForNothing(): void {
    if (this.trees().every(({ handle }) => handle.count() === 0)) nodeVfs.unlink(this.store.stats().path);
    this.store.close();
  }

  /** All trees, the unnamed one first. */
  trees(): RawTree[] {
    return [undefined, ...this.store.trees()].map((name) => this.tree(name));
  }
}

/** Opens the store at `path`, runs `work` and closes it, whatever happens. Throws what open() throws. */
export async function withStore<T>(
  path: string,
  options: StoreOptions,
  work: (session: Session) => T | Promise<T>,
): Promise<T> {
  const isNew = options.createIfMissing === true && nodeVfs.stat(path) === undefined;
  const store = open<unknown, unknown>(path, { createIfMissing: false, ...options });
  const session = new Session(store);
  let isDone = false;
  try {
    const result = await work(session);
    isDone = true;
    return result;
  } finally {
    if (isNew && !isDone) session.closeMadeForNothing();
    else store.close();
  }
}

/** As withStore, for commands that change nothing. */
export function withReadOnly<T>(path: string, work: (session: Session) => T | Promise<T>): Promise<T> {
  return withStore(path, { readOnly: true }, work);
}
