/**
 * What the benchmark is made of, as plain data: a section answers one row of the table of targets, with
 * cells (one piece of work over one bed of records), the entries that do it (an engine, and how it is used)
 * and the targets that their figures are held against.
 */

/** The records that a store holds before a cell's work begins. Equal beds are equal records. */
export interface BedSpec {
  /** 8-byte keys, or text keys of 20 to 100 bytes with shared prefixes. */
  readonly shape: "u64" | "text";
  readonly records: number;
  readonly valueBytes: number;
  readonly seed: number;
}

/** One who does a cell's work: an engine of the matrix, used in one way. */
export interface Entry {
  /** Unique in a cell, and the name that targets use. */
  readonly id: string;
  readonly title: string;
  /** An engine's id. */
  readonly engine: string;
  /** What the task makes of it. */
  readonly mode: string;
}

export type TaskOptions = Readonly<Record<string, number | string | boolean>>;

/** A figure's name and unit, and which of two is the better. */
export interface FigureSpec {
  readonly name: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** A percentile of the pooled latencies of all rounds, in place of a value of the rounds. */
  readonly percentile?: { readonly of: string; readonly quantile: number };
}

/** What one entry's figure must be, beside others or by itself. */
export interface Target {
  readonly figure: string;
  readonly mine: string;
  /** Entries of which the best counts, or a fixed value. */
  readonly against: { readonly entries: readonly string[] } | { readonly value: number };
  /** The ratio of mine to the best (or to the value) that is asked for: a floor, or a ceiling. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Cell {
  readonly id: string;
  readonly title: string;
  readonly bed: BedSpec;
  readonly task: string;
  readonly options: TaskOptions;
  /** How many rounds for each that is asked for; cheap cells take more of them. Default 1. */
  readonly roundsFactor?: number;
  /** Left out of a run that names nothing: the whole table has to fit into a quarter of an hour. */
  readonly onlyByName?: boolean;
  /** A process of its own for every round, without a warm-up. */
  readonly freshProcess?: boolean;
  readonly entries: readonly Entry[];
  readonly figures: readonly FigureSpec[];
  readonly targets: readonly Target[];
}

/** What the command line asks of the sections. */
export interface Sizes {
  /** Records of the beds. */
  readonly records: readonly number[];
  /** Whether cells that take minutes each belong to it. */
  readonly large: boolean;
  readonly seed: number;
}

/** A figure that is held against another entry's by how it changes from the first cell to the last. */
export interface Curve {
  /** What the names of its cells begin with; they come in order of growing records. */
  readonly cells: string;
  /** Of the operations a second. */
  readonly figure: string;
  readonly mine: string;
  /** The entry whose cost must grow at least as much. */
  readonly other: string;
}

export interface Section {
  readonly id: string;
  readonly title: string;
  /** The target in words, as the table of targets has it. */
  readonly target: string;
  /** Only run when it is named. */
  readonly onlyByName?: boolean;
  cells(sizes: Sizes): Cell[];
  readonly curves?: readonly Curve[];
}

/** What a round found: a value a figure, and latencies in microseconds where percentiles are wanted. */
export interface Figures {
  readonly values: Readonly<Record<string, number>>;
  readonly samplesUs?: Readonly<Record<string, readonly number[]>>;
}

/** The name of a bed, fit for a file name. */
export function bedName({ shape, records, valueBytes, seed }: BedSpec): string {
  return `${shape}-${records}-${valueBytes}-${seed}`;
}
