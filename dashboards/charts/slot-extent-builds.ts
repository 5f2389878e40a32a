/** How often slot extents were built, and how many slots that took. */

import { rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { metricPanels } from "./metric-panels.js";

export function slotExtentBuilds(data: DashboardData): Chart {
  const rows = rowsOf(data.run, ({ profile }) => {
    if (profile === null || profile.slotExtent.builds === 0 || profile.operations === 0) return null;
    const { builds, slots } = profile.slotExtent;
    return { value: (builds / profile.operations) * 1000, builds, slots, slotsPerBuild: slots / builds };
  });
  const chart = metricPanels({
    name: "slot-extent-builds",
    section: "slot-extents",
    title: "Builds of slot extents",
    about: "Builds for 1,000 operations. A leaf's state is built at the first edit that needs it, then kept.",
    empty: "No cell of this run built slot extents.",
    rows,
    valueTitle: "builds for 1,000 operations",
    valueFormat: "~g",
    scale: "linear",
  });
  const more = [
    { field: "builds", title: "builds" },
    { field: "slots", title: "slots" },
    { field: "slotsPerBuild", title: "slots a build" },
  ];
  return { ...chart, columns: [...chart.columns, ...more] };
}
