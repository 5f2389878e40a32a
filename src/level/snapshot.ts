/** Explicit snapshots: `db.snapshot()`. */

import { AbstractSnapshot } from "abstract-level";
import type { Engine } from "../store/engine.js";
import { View } from "./view.js";

export interface SnapshotOptions {
  /** The database or sublevel that closes the snapshot when it is closed. */
  readonly owner: object;
}

/** abstract-level's type declarations leave the constructor's argument out. */
const Base: new (options: SnapshotOptions) => AbstractSnapshot = AbstractSnapshot;

export class LevelSnapshot extends Base {
  readonly view: View;

  constructor(engine: Engine, root: number, options: SnapshotOptions) {
    super(options);
    this.view = new View(engine, root, engine.acquireSnapshot());
  }

  /** Called once by abstract-level, when nothing uses the snapshot any more. */
  protected _close(): void {
    this.view.engine.releaseSnapshot(this.view.commit);
  }
}
