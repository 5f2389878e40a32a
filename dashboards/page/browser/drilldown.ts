/**
 * Everything about one cell, in a dialog: figures, percentiles with their distribution, settings, counters,
 * and the command that measures the cell again. Self-contained: the page inlines the text of this function.
 */

import type {
  PageDrilldown,
  PageElement,
  PageRow,
  PageState,
  PageTables,
  PageWindow,
  Payload,
} from "./types.js";

export function createDrilldown(
  window: PageWindow,
  payload: Payload,
  state: PageState,
  tables: PageTables,
): PageDrilldown {
  const { document } = window;
  const dialog = document.querySelector("#cell");
  const body = document.querySelector("#cell-body");
  const counterPrefix = "counter ";
  /** Fields that have a place of their own, or are said in the headline. */
  const placed = new Set([
    "cell",
    "group",
    "settings",
    "reproduce",
    "histogram",
    "panel",
    "series",
    "commitEvery",
  ]);
  const labels: Record<string, string> = {
    engineTitle: "engine, in full",
    durability: "durability class",
    order: "key order",
    interval: "commit_every",
    rounds: "n (rounds)",
    contentHash: "content hash",
  };
  let rows: Map<string, PageRow> | null = null;

  function rowOf(cell: string): PageRow | undefined {
    rows ??= new Map(tables.unpack(payload.details).map((row) => [String(row.cell), row]));
    return rows.get(cell);
  }

  function element(name: string, text: string, className = ""): PageElement {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = className;
    return made;
  }

  function list(title: string, entries: readonly (readonly [string, string])[]): PageElement {
    const frame = element("section", "");
    const terms = element("dl", "");
    for (const [term, text] of entries) terms.append(element("dt", term), element("dd", text));
    frame.append(element("h3", title), terms);
    return frame;
  }

  function command(text: string): PageElement {
    const frame = element("section", "", "command");
    const code = element("pre", text);
    code.setAttribute("tabindex", "0");
    const copy = element("button", "Copy");
    copy.addEventListener("click", () => {
      void window.navigator.clipboard?.writeText(text).then(() => {
        copy.textContent = "Copied";
      });
    });
    frame.append(element("h3", "Measure it again"), code, copy);
    return frame;
  }

  /** Bars between bounds, both axes as the histogram has them. */
  function histogramSpec(text: string): object {
    const [bounds = [], counts = []] = text.split("|").map((part) => part.split(",").map(Number));
    const values = counts.flatMap((count, i) => {
      const high = bounds[i];
      return count === 0 || high === undefined ? [] : [{ low: bounds[i - 1] ?? high / 1.778, high, count }];
    });
    return {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      description: "Distribution of the time of one iteration",
      width: "container",
      height: 120,
      data: { values },
      mark: { type: "rect", color: "#1f7fc4", stroke: "#fff4" },
      encoding: {
        x: {
          field: "low",
          type: "quantitative",
          scale: { type: "log", nice: false },
          title: "µs for one iteration",
          axis: { format: "~s", tickCount: 5, grid: false },
        },
        x2: { field: "high" },
        y: { field: "count", type: "quantitative", title: "samples", axis: { tickCount: 4 } },
        y2: { datum: 0 },
        tooltip: [
          { field: "low", title: "above, µs", format: ",.4~g" },
          { field: "high", title: "up to, µs", format: ",.4~g" },
          { field: "count", title: "samples", format: ",d" },
        ],
      },
    };
  }

  function fill(cell: string): boolean {
    const row = rowOf(cell);
    if (row === undefined || body === null) return false;
    const shown = Object.entries(row).filter(([field, value]) => !placed.has(field) && value !== null);
    const figures = shown.filter(([field]) => !field.startsWith(counterPrefix));
    const counters = shown.filter(([field]) => field.startsWith(counterPrefix));
    const entries = (pairs: typeof shown): [string, string][] =>
      pairs.map(([field, value]) => [
        labels[field] ?? field.replace(counterPrefix, ""),
        tables.format(value),
      ]);
    const chart = element("div", "", "histogram");
    body.replaceChildren(
      element("p", cell, "cell-id"),
      list("Figures", entries(figures)),
      ...(typeof row.histogram === "string" ? [element("h3", "Distribution of latency"), chart] : []),
      list("Settings", [[String(row.engine), String(row.settings)]]),
      ...(counters.length > 0 ? [list("Counters that moved", entries(counters))] : []),
      command(String(row.reproduce)),
    );
    if (typeof row.histogram === "string") {
      const dark = document.documentElement.dataset.theme === "dark";
      const config = dark ? payload.configs.dark : payload.configs.light;
      void window.vegaEmbed(chart, histogramSpec(row.histogram), {
        mode: "vega-lite",
        renderer: "svg",
        ast: true,
        actions: false,
        config,
      });
    }
    return true;
  }

  function sync(): void {
    const cell = state.get("cell");
    if (dialog === null) return;
    if (cell === null) {
      if (dialog.open) dialog.close();
    } else {
      // The dialog is open before it is filled: its chart needs a width.
      if (!dialog.open) dialog.showModal();
      if (!fill(cell)) body?.replaceChildren(`No cell of this run is called ${cell}.`);
    }
  }

  dialog?.addEventListener("close", () => {
    if (state.get("cell") !== null) state.set("cell", []);
  });
  document.querySelector("#cell-close")?.addEventListener("click", () => dialog?.close());
  document.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-cell]")?.dataset.cell;
    if (cell !== undefined) state.set("cell", [cell]);
  });
  state.onChange((name) => {
    if (name === "cell" || name === "*") sync();
  });
  sync();
  return { open: (cell) => state.set("cell", [cell]) };
}
