/**
 * What a check of a legacy file can find. A problem forbids the conversion; a note is only told.
 *
 * The numbers name what is violated, here and in CorruptionError: docs/invariants.md.
 */

import { CorruptionError } from "../../src/base/errors.js";

export type LegacyInvariant = "G1" | "G2" | "G3" | "G4" | "G5" | "G6" | "G7" | "G8" | "G9" | "G10" | "G11";

export interface LegacyProblem {
  readonly invariant: LegacyInvariant;
  /** Page number, or -1 where it is not a page of the file (the log, the file as a whole). */
  readonly page: number;
  /** Byte offset in the page or in the log, or -1. */
  readonly offset: number;
  readonly reason: string;
}

/** More than this many problems or notes are counted, not kept. */
export const PROBLEMS_MAX = 1000;

export class ProblemList {
  readonly items: LegacyProblem[] = [];
  count = 0;

  add(invariant: LegacyInvariant, page: number, offset: number, reason: string): void {
    this.count++;
    if (this.items.length < PROBLEMS_MAX) this.items.push({ invariant, page, offset, reason });
  }

  /** Keeps a CorruptionError that this folder threw; rethrows everything else. */
  addError(error: unknown): void {
    if (!(error instanceof CorruptionError)) throw error;
    this.add(error.invariant as LegacyInvariant, error.page, error.offset, error.reason);
  }
}
