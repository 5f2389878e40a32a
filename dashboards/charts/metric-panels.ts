/**
 * The chart that most figures of a cell get: the figure against the commit interval, a line an engine, a
 * panel a workload and durability class. One builder, so that all of them read alike.
 */

import type { Row } from "../data/cells.js";
import { type Chart, ROWS, SCHEMA_URL, type Section } from "./chart.js";
import { cellColumns, cellTooltip, engineColor, engineShape, intervalAxis, panelFacet } from "./encodings.js";

export interface MetricChart {
  readonly name: string;
  readonly section: Section;
  readonly title: string;
  readonly about: string;
  readonly empty: string;
  /** Rows with the facts of a cell, and the figure in `value`. */
  readonly rows: readonly Row[];
  /** What the figure is, and its unit. */
  readonly valueTitle: string;
  readonly valueFormat: string;
  /** symlog where the figure can be 0. */
  readonly scale: "linear" | "log" | "symlog";
}

export function metricPanels(metric: MetricChart): Chart {
  const { rows, valueTitle, valueFormat, scale, ...facts } = metric;
  const tooltip = cellTooltip([{ field: "value", title: valueTitle, format: valueFormat }]);
  return {
    ...facts,
    rows,
    columns: cellColumns([{ field: "value", title: valueTitle }]),
    layout: { kind: "panels", minWidth: 200, axisWidth: 56 },
    spec: {
      $schema: SCHEMA_URL,
      description: facts.title,
      data: { name: ROWS },
      facet: panelFacet(rows),
      columns: 3,
      spec: {
        width: 220,
        height: 150,
        encoding: {
          x: intervalAxis(rows),
          y: {
            field: "value",
            type: "quantitative",
            title: valueTitle,
            scale: { type: scale, ...(scale === "symlog" ? { constant: 1 } : {}) },
            axis: { format: valueFormat, tickCount: 5 },
          },
          color: engineColor(rows),
        },
        layer: [
          { mark: { type: "line", strokeWidth: 1.5, opacity: 0.7 } },
          {
            mark: { type: "point", filled: true, size: 45, opacity: 1 },
            encoding: { shape: engineShape(rows), tooltip },
          },
        ],
      },
    },
  };
}
