/**
 * A session on a file system that fails. Errors of the right kinds are part of the game: after each, the
 * store must still read what it held before the change that failed, and the history knows what may have
 * happened.
 */

import { EspalierError, PoisonedError } from "../../src/base/errors.js";
import { fingerprintOf, Model, sortedKeys } from "./model.js";
import { type ByteTree, NotApplied, Session } from "./session.js";

/** What a failing disk may come out as. Neither "corrupt" nor any error of JavaScript's own. */
const RIGHT_CODES: ReadonlySet<string> = new Set([
  "ERR_ESPALIER_IO",
  "ERR_ESPALIER_DISK_FULL",
  "ERR_ESPALIER_POISONED",
  "ERR_ESPALIER_CLOSED",
]);

export class FaultSession extends Session {
  /** How many calls of the store threw. */
  failures = 0;
  poisoned = false;
  #isOpen = false;
  /** What the store holds if the change with the unknown outcome has happened. */
  #perhaps: Model | undefined;
  #next: Model = new Model();
  /** Whether the disk works but for one call. */
  readonly once: boolean;

  constructor(
    vfs: ConstructorParameters<typeof Session>[0],
    settings: ConstructorParameters<typeof Session>[1],
    seed: number,
    once: boolean,
  ) {
    super(vfs, settings, seed);
    this.once = once;
  }

  override open(): void {
    try {
      super.open();
    } catch (error) {
      this.expect(error);
      // The second time nothing strikes any more, or the disk is broken for good.
      super.open();
    }
    // Where making it failed half-way its folder may not be synced; a change sees to that.
    if (this.failures > 0)
      this.history.opened = this.history.states[this.history.durable] !== this.history.states[0];
    this.#isOpen = true;
    this.poisoned = false;
    if (this.#perhaps !== undefined) this.#findOut(this.#perhaps);
  }

  /** What was recovered stays: it has been made durable. */
  #findOut(perhaps: Model): void {
    this.#perhaps = undefined;
    const report = this.store.verify();
    const found = fingerprintOf(Object.entries(report.trees).map(([name, tree]) => [name, tree.digest]));
    if (found === perhaps.fingerprint()) this.model = perhaps;
    else if (found !== this.model.fingerprint()) throw new Error("reopening gave neither of two states");
    this.history.begin(found);
    this.history.commit();
    this.history.promise();
  }

  override change(edit: (model: Model) => void, body: () => void, sync?: boolean): void {
    if (!this.poisoned) {
      this.#next = this.model.clone();
      edit(this.#next);
      super.change(edit, body, sync);
      return;
    }
    // Only what changes nothing goes through without an error now.
    try {
      body();
    } catch (error) {
      if (!(error instanceof NotApplied)) this.expect(error);
    }
    this.assertReads();
  }

  /** Counts an error of the right kind; throws any other. */
  expect(error: unknown): void {
    if (!(error instanceof EspalierError) || !RIGHT_CODES.has(error.code)) throw new WrongError(error);
    this.failures++;
  }

  protected override changeFailed(error: unknown): void {
    if (error instanceof NotApplied) {
      this.assertReads();
      return;
    }
    this.expect(error);
    if (error instanceof PoisonedError) {
      this.poisoned = true;
      this.#perhaps = this.#next;
    } else this.history.undo();
    this.assertReads();
  }

  protected override believe(): void {
    try {
      super.believe();
    } catch (error) {
      this.expect(error);
    }
  }

  /** The store reads as the model says. */
  assertReads(): void {
    if (!this.#isOpen) return;
    for (const name of this.model.trees.keys()) {
      try {
        if (name !== "" && !this.store.trees().includes(name)) throw new Error(`tree ${name} is gone`);
        this.#assertTree(name, this.tree(name));
      } catch (error) {
        if (!(error instanceof EspalierError)) throw error;
        if (this.once && this.failures === 1 && !this.poisoned) throw new WrongError(error);
        this.expect(error);
      }
    }
  }

  #assertTree(name: string, tree: ByteTree): void {
    const expected = this.model.tree(name);
    const keys = sortedKeys(expected);
    let i = 0;
    for (const [key, value] of tree.range()) {
      const text = Buffer.from(key).toString("latin1");
      if (text !== keys[i])
        throw new Error(`after an error the tree "${name}" reads ${text}, not ${keys[i]}`);
      if (Buffer.compare(value, expected.get(text) as Uint8Array) !== 0)
        throw new Error(`after an error the value of ${text} is another`);
      i++;
    }
    if (i !== keys.length)
      throw new Error(`after an error the tree "${name}" reads ${i} of ${keys.length} records`);
  }

  override rolledBack(steps: Parameters<Session["rolledBack"]>[0]): void {
    this.#attempt(() => super.rolledBack(steps));
  }

  override checkpoint(): void {
    this.#attempt(() => super.checkpoint());
  }

  override async flush(): Promise<void> {
    try {
      await super.flush();
    } catch (error) {
      this.expect(error);
    }
  }

  override write(steps: Parameters<Session["write"]>[0]): Promise<void> {
    return super.write(steps).catch((error: unknown) => this.expect(error));
  }

  override close(): void {
    this.#isOpen = false;
    this.#attempt(() => super.close());
  }

  /** Ends the session whatever state it is in. */
  abandon(): void {
    if (this.#isOpen) this.close();
  }

  #attempt(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.expect(error);
      if (error instanceof PoisonedError) this.poisoned = true;
      this.assertReads();
    }
  }
}

export class WrongError extends Error {
  constructor(error: unknown) {
    super(`an error of a wrong kind: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
