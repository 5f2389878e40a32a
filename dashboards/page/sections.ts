/** The sections with charts: what each is for, and a figure for each chart. */

import type { Chart, Section } from "../charts/chart.js";
import { html, type Markup } from "./html.js";

export const SECTION_TITLES: Record<Section, { readonly title: string; readonly about: string }> = {
  throughput: {
    title: "Throughput",
    about:
      "Where the store is faster or slower. Engines are only ever set beside engines of their own durability class.",
  },
  allocator: {
    title: "Allocator",
    about: "What the leaf allocator did, beside the legacy way of rebuilding leaves.",
  },
  "slot-extents": {
    title: "Slot extents",
    about: "What it costs to learn where the records of a leaf lie, before a hole in it can be used.",
  },
  guardrails: {
    title: "Guardrail census",
    about: "Why the allocator exists: what made the legacy in-place edits give up and rebuild the leaf.",
  },
  cost: {
    title: "Cost",
    about: "What an operation costs beside time: bytes, syncs, space, memory, and waiting.",
  },
  history: { title: "History", about: "The same cells over several runs, and any two runs side by side." },
  migration: { title: "Migration", about: "How the conversion of existing files stands." },
  environment: { title: "Environment", about: "How far the machine can be trusted." },
};

const OPEN: Markup = html` open`;

export function chartSection(section: Section, charts: readonly Chart[]): Markup {
  const { title, about } = SECTION_TITLES[section];
  return html`<section id="${section}" class="part">
<h2 tabindex="-1">${title}</h2>
<p class="about">${about}</p>
${charts.map(chartFigure)}
</section>`;
}

function chartFigure(chart: Chart): Markup {
  if (chart.rows.length === 0) {
    return html`<figure class="empty" data-empty="${chart.name}"><h3>${chart.title}</h3><p>${chart.empty}</p></figure>`;
  }
  return html`<figure data-chart="${chart.name}">
<h3>${chart.title}</h3>
<p class="about">${chart.about}</p>
<div class="controls"></div>
<div class="scroll" tabindex="0" role="group" aria-label="${chart.title}"><div class="drawing ${chart.layout.kind}"></div></div>
<details class="data"${chart.tableOpen === true ? OPEN : null}><summary>Data table</summary><div class="data-table"></div></details>
</figure>`;
}
