/**
 * Draws the charts: those in view at once, others when they come near. What changes (a filter, the theme,
 * the width) makes them stale, and stale ones are drawn again when they are in view. Vega-Lite and Vega do
 * all drawing. Self-contained: the page inlines the text of this function.
 */

import type {
  PageChart,
  PageDrilldown,
  PageElement,
  PageFilters,
  PageParam,
  PageRow,
  PageSpec,
  PageState,
  PageTables,
  PageWindow,
  Payload,
  Value,
  VegaView,
} from "./types.js";

export interface ChartTools {
  readonly state: PageState;
  readonly tables: PageTables;
  readonly filters: PageFilters;
  readonly drilldown: PageDrilldown;
}

export function createCharts(window: PageWindow, payload: Payload, tools: ChartTools): void {
  const { document } = window;
  const { state, tables, filters, drilldown } = tools;
  /** Above this many rows a canvas is quicker than SVG. */
  const svgRowsMax = 900;
  /** Panels of a chart that are drawn before its reader asks for all: drawing time grows with the panels. */
  const panelsAtFirst = 36;
  const gap = 22;

  interface Mounted {
    readonly chart: PageChart;
    readonly figure: PageElement;
    readonly place: PageElement;
    /** Where it is said that there are more panels, and how to get them. */
    readonly more: PageElement;
    rows: PageRow[] | null;
    view: VegaView | null;
    allPanels: boolean;
    inView: boolean;
    stale: boolean;
    drawing: number;
    width: number;
  }

  const mounted = payload.charts.flatMap((chart): Mounted[] => {
    const figure = document.querySelector(`[data-chart="${chart.name}"]`);
    const place = figure?.querySelector(".drawing") ?? null;
    if (figure === null || place === null) return [];
    const more = document.createElement("p");
    more.className = "more";
    figure.querySelector("details.data")?.before(more);
    const blank = { rows: null, view: null, allPanels: false, inView: false, stale: true };
    return [{ chart, figure, place, more, ...blank, drawing: 0, width: 0 }];
  });

  function rowsOf(entry: Mounted): PageRow[] {
    entry.rows ??= tables.unpack(entry.chart.table);
    return entry.rows.filter(filters.passes);
  }

  function theme(): "light" | "dark" {
    return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
  }

  /** The theme, with as many legend columns as the width holds. */
  function configFor({ layout }: PageChart, width: number): object {
    const besides = layout.kind === "single" ? 60 : layout.axisWidth + 20;
    const config = payload.configs[theme()];
    const columns = Math.max(1, Math.min(6, Math.floor((width - besides) / 145)));
    return { ...config, legend: { ...config.legend, columns } };
  }

  /** The reader's choice where it is one that there is: the address may have been another run's. */
  function chosen({ name, value, bind }: PageParam): Value {
    const asked = state.get(name);
    return asked !== null && bind?.options.includes(asked) === true ? asked : value;
  }

  /** The spec with rows, sizes and the reader's choices in it. */
  function specFor(entry: Mounted, rows: PageRow[], width: number): PageSpec {
    const { layout, spec } = entry.chart;
    const sized: PageSpec = { ...spec, datasets: { rows } };
    if (spec.params !== undefined) {
      sized.params = spec.params.map((param) => ({ name: param.name, value: chosen(param) }));
    }
    if (layout.kind === "single") {
      sized.width = Math.max(240, width);
      sized.autosize = { type: "fit-x", contains: "padding" };
      if (layout.lines !== undefined) {
        const { field, step } = layout.lines;
        sized.height = step * new Set(rows.map((row) => row[field])).size;
      }
    }
    if (layout.kind === "single" || spec.facet === undefined || spec.spec === undefined) return sized;
    const { field } = spec.facet;
    const panels = new Set(rows.map((row) => row[field])).size;
    if (layout.kind === "steps") {
      sized.columns = Math.max(
        1,
        Math.min(panels, Math.floor((width - layout.axisWidth) / layout.panelWidth)),
      );
      return sized;
    }
    const { minWidth, axisWidth, axis } = layout;
    const room = axis === "each" ? width : width - axisWidth;
    const least = (axis === "each" ? axisWidth : 0) + minWidth + gap;
    const fitting = Math.max(1, Math.min(panels, Math.floor((room + gap) / least)));
    // As many rows as that takes, evenly filled: an empty place would have an axis and nothing above it.
    const columns = Math.ceil(panels / Math.ceil(panels / fitting));
    const panel = Math.floor(room / columns) - gap - (axis === "each" ? axisWidth : 0);
    const inside = Math.max(110, Math.min(panel, 520));
    sized.columns = columns;
    sized.spec = { ...spec.spec, width: inside };
    // A title wider than its panel would push the panels apart.
    sized.facet = { ...spec.facet, header: { ...spec.facet.header, labelLimit: inside } };
    return sized;
  }

  /** Rows of the panels that are drawn; where that is not all of them, says so beside the chart. */
  function rowsDrawn(entry: Mounted): PageRow[] {
    const rows = rowsOf(entry);
    const { layout, spec } = entry.chart;
    entry.more.replaceChildren();
    if (layout.kind !== "panels" || spec.facet === undefined) return rows;
    const { field, sort } = spec.facet;
    const there = new Set(rows.map((row) => row[field] ?? null));
    if (entry.allPanels || there.size <= panelsAtFirst) return rows;
    const order: Value[] = sort === undefined ? [...there] : sort.filter((panel) => there.has(panel));
    const drawn = new Set(order.slice(0, panelsAtFirst));
    const button = document.createElement("button");
    button.textContent = `Show all ${there.size}`;
    button.addEventListener("click", () => {
      entry.allPanels = true;
      void draw(entry);
    });
    entry.more.append(
      `${panelsAtFirst} of ${there.size} panels are drawn; the filters choose others. `,
      button,
    );
    return rows.filter((row) => drawn.has(row[field] ?? null));
  }

  async function draw(entry: Mounted): Promise<void> {
    entry.stale = false;
    const ticket = ++entry.drawing;
    const rows = rowsDrawn(entry);
    const width = entry.place.clientWidth;
    entry.width = width;
    showTable(entry);
    if (rows.length === 0) {
      entry.view?.finalize();
      entry.view = null;
      entry.place.replaceChildren("No row passes the filters.");
      return;
    }
    try {
      const { view } = await window.vegaEmbed(entry.place, specFor(entry, rows, width), {
        mode: "vega-lite",
        renderer: rows.length > svgRowsMax ? "canvas" : "svg",
        ast: true,
        config: configFor(entry.chart, width),
        tooltip: { theme: theme() },
        actions: { export: true, source: true, compiled: false, editor: false },
        downloadFileName: entry.chart.name,
      });
      entry.view?.finalize();
      entry.view = view;
      view.addEventListener("click", (_event, item) => {
        const cell = item?.datum?.cell;
        if (typeof cell === "string") drilldown.open(cell);
      });
      entry.figure.dataset.drawn = String(ticket);
    } catch (error) {
      entry.place.replaceChildren(`This chart can't be drawn: ${String(error)}`);
    }
  }

  /** The table behind a chart is built when it is opened. */
  function showTable(entry: Mounted): void {
    const box = entry.figure.querySelector("details.data");
    const inside = box?.querySelector(".data-table") ?? null;
    if (box === null || inside === null || !box.open) return;
    inside.replaceChildren(tables.build(entry.chart.columns, rowsOf(entry)));
  }

  function refresh(): void {
    for (const entry of mounted) {
      entry.stale = true;
      if (entry.inView) void draw(entry);
    }
  }

  /** A select for each parameter of a chart that has choices. */
  function addControls(entry: Mounted): void {
    const bar = entry.figure.querySelector(".controls");
    for (const param of entry.chart.spec.params ?? []) {
      const { name, value, bind } = param;
      if (bind === undefined || bar === null) continue;
      const label = document.createElement("label");
      const select = document.createElement("select");
      select.dataset.param = name;
      for (const choice of bind.options) {
        const option = document.createElement("option");
        option.value = choice;
        option.textContent = choice;
        select.append(option);
      }
      select.value = String(chosen(param));
      select.addEventListener("change", () => state.set(name, select.value === value ? [] : [select.value]));
      label.append(bind.name, select);
      bar.append(label);
      state.onChange(() => {
        select.value = String(chosen(param));
      });
    }
  }

  for (const entry of mounted) {
    addControls(entry);
    entry.figure.querySelector("details.data")?.addEventListener("toggle", () => showTable(entry));
  }
  const observer = new window.IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const entry = mounted.find(({ figure }) => figure === target);
        if (entry === undefined) continue;
        entry.inView = isIntersecting;
        if (isIntersecting && entry.stale) void draw(entry);
      }
    },
    { rootMargin: "250px 0px" },
  );
  for (const { figure } of mounted) observer.observe(figure);
  // The first chart does not wait to be scrolled to: it is what most readers look at first.
  const [first] = mounted;
  if (first !== undefined) void draw(first);
  state.onChange((name) => {
    if (name !== "cell") refresh();
  });

  // Paper is white and is not scrolled: all charts, in the light theme. They are drawn before the browser lays it out.
  let onScreen: string | undefined;
  window.addEventListener("beforeprint", () => {
    onScreen = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    for (const entry of mounted) if (entry.stale || onScreen === "dark") void draw(entry);
  });
  window.addEventListener("afterprint", () => {
    if (onScreen === undefined || onScreen === "light") return;
    document.documentElement.dataset.theme = onScreen;
    refresh();
  });

  let waiting: number | undefined;
  const main = document.querySelector("main");
  const resize = new window.ResizeObserver(() => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      if (mounted.some(({ width, place }) => width > 0 && Math.abs(width - place.clientWidth) > 24))
        refresh();
    }, 150);
  });
  if (main !== null) resize.observe(main);
}
