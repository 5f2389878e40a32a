/**
 * The whole page in one file: style, Vega, Vega-Lite, Vega-Embed, data and script inlined. A content
 * security policy names the scripts by their hashes and allows no connection, so that neither a text that
 * slipped through nor a library can run anything else or load anything.
 */

import { createHash } from "node:crypto";
import { packageVersion } from "../../src/base/package-files.js";
import { minifiedBundle } from "../browser-bundle.js";
import { type Chart, SECTIONS } from "../charts/chart.js";
import { buildCharts } from "../charts/registry.js";
import type { DashboardData } from "../data/model.js";
import { verdictOf } from "../data/verdict.js";
import { html, jsonForScript, Markup } from "./html.js";
import { pagePayload } from "./payload.js";
import { pageScript, RELOAD_SCRIPT } from "./script.js";
import { chartSection, SECTION_TITLES } from "./sections.js";
import { STYLES } from "./styles.js";
import { answerClass, verdictSection } from "./verdict-section.js";

/** How the title of every page begins. */
export const TITLE = "<title>espalier: ";

/** How the page differs from that of all charts at rest. */
export interface PageOptions {
  /** Default: all charts of the data. */
  readonly charts?: readonly Chart[];
  /** The page is served, and reloads when the server says so. */
  readonly live?: boolean;
}

/** The page as HTML. */
export function pageHtml(data: DashboardData, options: PageOptions = {}): string {
  const charts = options.charts ?? buildCharts(data);
  const live = options.live ?? false;
  const scripts = [...bundles(), pageScript(), ...(live ? [RELOAD_SCRIPT] : [])];
  const verdict = verdictOf(data);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(scripts, live)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${new Markup(TITLE)}${verdict.answer}</title>
<style>${new Markup(STYLES)}</style>
</head>
<body>
<header>
<h1>espalier</h1><span class="chip-answer ${answerClass(verdict)}">${verdict.answer}</span>
<nav aria-label="Sections">${navigation()}</nav>
<button id="theme" aria-label="Switch between light and dark">Dark</button>
</header>
<main>
<noscript><p>Charts need JavaScript. The verdict and its gates are readable without.</p></noscript>
${verdictSection(data)}
${data.run === null ? null : filterBar()}
${SECTIONS.map((section) =>
  chartSection(
    section,
    charts.filter((chart) => chart.section === section),
  ),
)}
</main>
<footer>Drawn with Vega-Lite by espalier ${packageVersion()}. Figures are medians over rounds unless they say otherwise.</footer>
<dialog id="cell" aria-label="One cell"><div class="top"><h2>Cell</h2><button id="cell-close">Close</button></div><div id="cell-body"></div></dialog>
<script type="application/json" id="payload">${new Markup(jsonForScript(pagePayload(data, charts)))}</script>
${scripts.map((text) => new Markup(`<script>${text}</script>\n`))}
</body>
</html>
`.text;
}

function navigation(): Markup[] {
  const entries = [["verdict", "Verdict"], ...SECTIONS.map((name) => [name, SECTION_TITLES[name].title])];
  return entries.map(
    ([name = "", title = ""]) => html`<a href="#section=${name}" data-section="${name}">${title}</a>`,
  );
}

function filterBar(): Markup {
  return html`<details class="bar" open><summary>Filters <span id="filter-count"></span></summary><div id="filters"></div></details>`;
}

/** In the order in which they need each other. Nothing in them may end the script element that holds them. */
function bundles(): string[] {
  return (["vega", "vega-lite", "vega-embed"] as const).map((name) =>
    minifiedBundle(name)
      .replace(/\/\/# sourceMappingURL=.*$/m, "")
      .replaceAll("</script", "<\\/script"),
  );
}

function policy(scripts: readonly string[], live: boolean): string {
  const hashes = scripts.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  return [
    "default-src 'none'",
    `script-src ${hashes.join(" ")}`,
    "style-src 'unsafe-inline'",
    "img-src data: blob:",
    `connect-src ${live ? "'self'" : "'none'"}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}
