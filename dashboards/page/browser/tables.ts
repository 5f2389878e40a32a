/**
 * Unpacks rows, and shows them as tables. Every text is set as text, never as markup: file names and error
 * messages come from outside. Self-contained: the page inlines the text of this function.
 */

import type { PackedTable } from "../pack.js";
import type { PageElement, PageRow, PageTables, PageWindow, Payload, Value } from "./types.js";

export function createTables(window: PageWindow, payload: Payload): PageTables {
  const { document } = window;
  /** Rows that a table shows before it is asked for all. */
  const rowsAtFirst = 200;
  const facts = unpackColumns(payload.facts);

  function unpackColumns(table: PackedTable): PageRow[] {
    const rows: PageRow[] = [];
    for (let i = 0; i < table.length; i++) {
      const fact = table.facts?.[i];
      const row: PageRow = fact === undefined ? {} : { ...facts[fact] };
      for (const column of table.columns) {
        if ("constant" in column) row[column.field] = column.constant;
        else if ("numbers" in column) row[column.field] = column.numbers[i] ?? null;
        else row[column.field] = payload.texts[column.texts[i] ?? -1] ?? null;
      }
      rows.push(row);
    }
    return rows;
  }

  function format(value: Value | undefined): string {
    if (value === null || value === undefined) return "–";
    if (typeof value === "string") return value;
    if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
    return value.toPrecision(4).replace(/\.?0+$/, "");
  }

  function element(name: string, text: string): PageElement {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  function headOf(columns: readonly { readonly title: string }[]): PageElement {
    const line = document.createElement("tr");
    for (const { title } of columns) {
      const cell = element("th", title);
      cell.setAttribute("scope", "col");
      line.append(cell);
    }
    const head = document.createElement("thead");
    head.append(line);
    return head;
  }

  function lineOf(columns: readonly { readonly field: string }[], row: PageRow): PageElement {
    const line = document.createElement("tr");
    columns.forEach(({ field }, i) => {
      const cell = document.createElement("td");
      const value = row[field];
      if (typeof value === "number") cell.className = "number";
      if (i === 0 && typeof row.cell === "string") {
        const button = element("button", format(value));
        button.className = "link";
        button.dataset.cell = row.cell;
        cell.append(button);
      } else {
        cell.textContent = format(value);
      }
      line.append(cell);
    });
    return line;
  }

  return {
    unpack: unpackColumns,
    format,
    build(columns, rows) {
      const frame = document.createElement("div");
      frame.className = "table";
      frame.setAttribute("tabindex", "0");
      const table = document.createElement("table");
      const body = document.createElement("tbody");
      for (const row of rows.slice(0, rowsAtFirst)) body.append(lineOf(columns, row));
      table.append(headOf(columns), body);
      frame.append(table);
      if (rows.length > rowsAtFirst) {
        const more = element("button", `Show all ${rows.length.toLocaleString("en-US")} rows`);
        more.addEventListener("click", () => {
          for (const row of rows.slice(rowsAtFirst)) body.append(lineOf(columns, row));
          more.hidden = true;
        });
        frame.append(more);
      }
      return frame;
    },
  };
}
