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

/** Reloads the page whenever the server says that there is something new. */
export const RELOAD_SCRIPT = `"use strict";
new EventSource("/events").addEventListener("changed", () => location.reload());`;
