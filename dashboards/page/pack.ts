/**
 * Rows, packed for a page: by column, each text once for all tables, numbers to six digits, and the facts
 * of a cell once for all charts. A matrix of 2,000 cells fits a page of a few megabytes this way.
 * The page unpacks in browser/tables.ts; a test holds the two together.
 */

import type { Row, RowValue } from "../data/cells.js";

/** One column: a constant, numbers, or indices into the pool of texts (-1: null). */
export type PackedColumn =
  | { readonly field: string; readonly constant: RowValue }
  | { readonly field: string; readonly numbers: readonly (number | null)[] }
  | { readonly field: string; readonly texts: readonly number[] };

/** A table. `facts` says for each row which row of the table of facts it goes on from; null: none does. */
export interface PackedTable {
  readonly length: number;
  readonly facts: readonly number[] | null;
  readonly columns: readonly PackedColumn[];
}

/** Packs tables that share their texts. */
export class Packer {
  readonly texts: string[] = [];
  readonly #indices = new Map<string, number>();
  readonly #facts: readonly Row[];
  readonly #factOfCell: ReadonlyMap<RowValue, number>;

  /** `facts` are rows with a `cell`, which no two share. */
  constructor(facts: readonly Row[]) {
    this.#facts = facts;
    this.#factOfCell = new Map(facts.map((row, i) => [row.cell ?? null, i]));
  }

  /** The table of facts itself. */
  packFacts(): PackedTable {
    return this.#pack(this.#facts, null);
  }

  /** A table; what its rows share with the facts of their cells is left out. */
  pack(rows: readonly Row[]): PackedTable {
    const facts = rows.map(({ cell }) => this.#factOfCell.get(cell ?? null));
    const all = facts.filter((fact): fact is number => fact !== undefined);
    return this.#pack(rows, all.length === rows.length && rows.length > 0 ? all : null);
  }

  #pack(rows: readonly Row[], facts: readonly number[] | null): PackedTable {
    const fields = new Set(rows.flatMap((row) => Object.keys(row)));
    const columns = [...fields].flatMap((field): PackedColumn[] => {
      const known = (row: Row, i: number): boolean => this.#facts[facts?.[i] ?? -1]?.[field] === row[field];
      if (facts !== null && rows.every(known)) return [];
      return [
        this.#column(
          field,
          rows.map((row) => row[field] ?? null),
        ),
      ];
    });
    return { length: rows.length, facts, columns };
  }

  #column(field: string, values: readonly RowValue[]): PackedColumn {
    const [first] = values;
    if (first !== undefined && values.every((value) => value === first)) return { field, constant: first };
    if (values.every((value) => typeof value !== "string")) {
      return { field, numbers: values.map((value) => (typeof value === "number" ? rounded(value) : null)) };
    }
    return { field, texts: values.map((value) => (value === null ? -1 : this.#text(String(value)))) };
  }

  #text(text: string): number {
    const known = this.#indices.get(text);
    if (known !== undefined) return known;
    this.#indices.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

/** Six significant digits, more than any figure here can claim; whole numbers stay whole. */
function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(6));
}
