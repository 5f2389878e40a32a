/**
 * The page's own script as text. Each part is one function that needs nothing around it, so its text is
 * all that a page needs: no bundler stands between the sources and what runs.
 */

import { createCharts } from "./browser/charts.js";
import { createDrilldown } from "./browser/drilldown.js";
import { createFilters } from "./browser/filters.js";
import { startPage } from "./browser/start.js";
import { createState } from "./browser/state.js";
import { createTables } from "./browser/tables.js";

const PARTS = { createState, createTables, createFilters, createDrilldown, createCharts };

/** The script; it expects the payload's JSON in the element with the id "payload". */
export function pageScript(): string {
  const parts = Object.entries(PARTS).map(([name, part]) => `${name}: ${part.toString()}`);
  const payload = `JSON.parse(document.getElementById("payload").textContent)`;
  return `"use strict";\n(${startPage.toString()})(window, ${payload}, {\n${parts.join(",\n")}\n});`;
}

/**
 * Reloads the page whenever the server says that there is something new. The reader stays at the same place:
 * charts that are not drawn yet are given the heights that they had.
 */
export const RELOAD_SCRIPT = `"use strict";
(() => {
  const key = "espalier-place";
  const places = () => [...document.querySelectorAll("[data-chart] .drawing")];
  const nameOf = (place) => place.closest("[data-chart]").dataset.chart;
  const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
  sessionStorage.removeItem(key);
  if (kept !== null) {
    for (const place of places()) place.style.minHeight = (kept.heights[nameOf(place)] ?? 0) + "px";
    scrollTo(0, kept.y);
    setTimeout(() => places().forEach((place) => place.style.removeProperty("min-height")), 5000);
  }
  new EventSource("/events").addEventListener("changed", () => {
    const heights = Object.fromEntries(places().map((place) => [nameOf(place), place.clientHeight]));
    sessionStorage.setItem(key, JSON.stringify({ y: scrollY, heights }));
    location.reload();
  });
})();`;
