/**
 * Puts the parts of the page together: theme, navigation, filters, charts, drill-down. Self-contained: the
 * page inlines the text of this function and calls it with the others.
 */

import type { createCharts } from "./charts.js";
import type { createDrilldown } from "./drilldown.js";
import type { createFilters } from "./filters.js";
import type { createState } from "./state.js";
import type { createTables } from "./tables.js";
import type { PageState, PageWindow, Payload } from "./types.js";

export interface PageParts {
  readonly createState: typeof createState;
  readonly createTables: typeof createTables;
  readonly createFilters: typeof createFilters;
  readonly createDrilldown: typeof createDrilldown;
  readonly createCharts: typeof createCharts;
}

export function startPage(window: PageWindow, payload: Payload, parts: PageParts): void {
  const { document } = window;

  function followTheme(state: PageState): void {
    const button = document.querySelector("#theme");
    const apply = (): void => {
      const preferred = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      const theme =
        state.get("theme") === null ? preferred : state.get("theme") === "dark" ? "dark" : "light";
      document.documentElement.dataset.theme = theme;
      if (button !== null) button.textContent = theme === "dark" ? "Light" : "Dark";
    };
    button?.addEventListener("click", () => {
      state.set("theme", [document.documentElement.dataset.theme === "dark" ? "light" : "dark"]);
    });
    state.onChange((name) => {
      if (name === "theme" || name === "*") apply();
    });
    apply();
  }

  /** Links to sections keep the rest of the address. */
  function followSections(state: PageState): void {
    const go = (name: string): void => document.querySelector(`#${name}`)?.scrollIntoView();
    for (const link of document.querySelectorAll("nav a")) {
      const { section } = link.dataset;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        if (section === undefined) return;
        state.set("section", [section]);
        go(section);
        document.querySelector(`#${section} h2`)?.focus();
      });
    }
    const asked = state.get("section");
    if (asked !== null && /^[a-z-]+$/.test(asked)) go(asked);
  }

  const state = parts.createState(window);
  followTheme(state);
  // On a narrow screen the filters would stand between the verdict and the first chart.
  if (window.matchMedia("(max-width: 640px)").matches)
    document.querySelector(".bar")?.removeAttribute("open");
  const tables = parts.createTables(window, payload);
  const filters = parts.createFilters(window, payload, state);
  const drilldown = parts.createDrilldown(window, payload, state, tables);
  const count = document.querySelector("#filter-count");
  const facts = tables.unpack(payload.facts);
  const showCount = (): void => {
    const passing = facts.filter(filters.passes).length.toLocaleString("en-US");
    if (count !== null) count.textContent = `${passing} of ${facts.length.toLocaleString("en-US")} cells`;
  };
  showCount();
  state.onChange(showCount);
  parts.createCharts(window, payload, { state, tables, filters, drilldown });
  followSections(state);
}
