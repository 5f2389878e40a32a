/** Options of the migrator, as a library and on the command line. */

import type { Vfs } from "../src/vfs/vfs.js";
import type { VerifyMode } from "./in-place/program.js";
import type { LegacyGeneration } from "./legacy/layout.js";

/** "in-place": the file's own pages are converted. "rewrite": a new file is written, and takes its name. */
export type Strategy = "in-place" | "rewrite";

/** How each file is to be converted. Names that are not known, and values that can't be right, throw OptionError. */
export interface FileOptions {
  /** Default "in-place". */
  readonly strategy?: Strategy;
  /** Bytes a page of the new store; by default the file's own, where that is legal for a store. */
  readonly pageSize?: number;
  /** Takes this generation instead of recognising it. */
  readonly assume?: LegacyGeneration;
  /** Takes this page as a root, beside those that the meta page names; other pages that may be roots are left out. */
  readonly root?: number;
  /** Takes it for granted that no other process has the file open. */
  readonly assumeClosed?: boolean;
  /** Lets an in-place conversion use more extra disk than 64 MiB or 5 % of the file. */
  readonly allowGrowth?: boolean;
  /** Default "full". */
  readonly verify?: VerifyMode;
  /**
   * Keeps a copy of the original here. A folder where it exists as one, ends with a slash or several files are
   * converted; else the copy's own path. On the real file system only.
   */
  readonly backup?: string;
  /** The generation that a rollback writes; by default the one that the file had. */
  readonly to?: LegacyGeneration;
  /** The file system. Default: the real one. */
  readonly vfs?: Vfs;
}
