/** One life of a store that has many (lineage.ts): it begins with what the one before has left. */

import type { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { FaultSession } from "./fault-session.js";
import { Model } from "./model.js";
import type { SessionSettings } from "./session.js";

/** A session that knows the model of each state that its history has. */
export class Life extends FaultSession {
  /** By fingerprint. */
  readonly models: Map<string, Model> = new Map();
  /** The process is dead: what it still does is of no account. */
  dead = false;

  constructor(vfs: FaultyVfs, settings: SessionSettings, seed: number, before: Model) {
    super(vfs, settings, seed, false);
    this.models.set(new Model().fingerprint(), new Model());
    this.remember(before);
    this.model = before;
    const found = before.fingerprint();
    if (found !== this.history.states[0]) {
      this.history.begin(found);
      this.history.commit();
      this.history.promise();
    }
  }

  remember(model: Model): void {
    this.models.set(model.fingerprint(), model);
  }

  override change(edit: (model: Model) => void, body: () => void, sync?: boolean): void {
    const next = this.model.clone();
    edit(next);
    this.remember(next);
    super.change(edit, body, sync);
  }

  override expect(error: unknown): void {
    if (!this.dead) super.expect(error);
  }
}
