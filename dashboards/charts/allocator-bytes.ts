/** Record bytes moved inside leaves for an operation, the allocator beside the legacy ways. */

import { rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import { countedOperations, counterAt } from "../documents/counters.js";
import type { Chart } from "./chart.js";
import { metricPanels } from "./metric-panels.js";

export function allocatorBytes(data: DashboardData): Chart {
  const rows = rowsOf(data.run, (cell) => {
    const { counters } = cell;
    const operations = countedOperations(cell);
    if (counters === null || operations === null || operations === 0) return null;
    const packed = counterAt(counters.delta, "allocator.bytes_moved") ?? 0;
    const copied = counterAt(counters.delta, "leaf.memcopy_bytes") ?? 0;
    return packed + copied === 0 ? null : { value: (packed + copied) / operations, packed, copied };
  });
  const chart = metricPanels({
    name: "allocator-bytes-moved",
    section: "allocator",
    title: "Bytes moved inside leaves",
    about:
      "Bytes copied within leaves for one operation: records placed, slots shifted, and records that packs moved. " +
      "Lower is better; a leaf that is rebuilt moves all of its records.",
    empty: "No cell of this run moved bytes in a leaf.",
    rows,
    valueTitle: "bytes an operation",
    valueFormat: "~s",
    scale: "log",
  });
  const more = [
    { field: "packed", title: "bytes that packs moved" },
    { field: "copied", title: "bytes copied" },
  ];
  return { ...chart, columns: [...chart.columns, ...more] };
}
