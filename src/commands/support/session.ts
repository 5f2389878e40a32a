/**
 * One store opened for one command: its trees as encoded bytes, whatever their encodings are. Commands
 * copy and show records without knowing what they mean.
 */

import { NotFoundError } from "../../base/errors.js";
import { Catalog, UNNAMED } from "../../store/catalog.js";
import type { Engine } from "../../store/engine.js";
import { open } from "../../store/open.js";
import type { StoreOptions } from "../../store/options.js";
import { type RawTree, rawTree } from "../../store/raw-tree.js";
import type { Store } from "../../store/store.js";
import { nodeVfs } from "../../vfs/node-vfs.js";

/** What a command says of a store whose header is as `mayLackLog` has it. */
export const MAY_LACK_LOG =
  "One copy of its header is damaged. Was it the newer one, what lay in its log is lost.";

export class Session {
  readonly store: Store<unknown, unknown>;
  readonly engine: Engine;
  readonly #catalog: Catalog;

  constructor(store: Store<unknown, unknown>) {
    this.store = store;
    this.engine = store["engine"];
    this.#catalog = new Catalog(this.engine);
  }

  /** A tree by name, undefined for the unnamed one. Throws NotFoundError. */
  tree(name: string | undefined): RawTree {
    const tree = rawTree(this.engine, this.#catalog, name ?? UNNAMED);
    if (tree !== undefined) return tree;
    const names = this.store.trees();
    const there = names.length === 0 ? "it has no named trees" : `it has ${names.join(", ")}`;
    throw new NotFoundError(name ?? "", `the store has no tree "${name}"; ${there}`);
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
