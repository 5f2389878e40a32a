/**
 * The chart that most figures of a cell get: the figure against the commit interval, a line an engine, a
 * panel a workload and durability class. One builder, so that all of them read alike.
 */

import type { Row } from "../data/cells.js";
import { type Chart, ROWS, SCHEMA_URL, type Section } from "./chart.js";
import {
  cellColumns,
  cellTooltip,
  engineColor,
  engineDepth,
  engineShape,
  intervalAxis,
  logScale,
  logTicks,
  panelFacet,
  QUANTITY_LABELS,
  SYMLOG_TICKS,
} from "./encodings.js";

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
  const ticks =
    scale === "log"
      ? { values: logTicks(rows, ["value"]) }
      : scale === "symlog"
        ? { values: [...SYMLOG_TICKS] }
        : { tickCount: 5 };
  const tooltip = cellTooltip([{ field: "value", title: valueTitle, format: valueFormat }]);
  return {
    ...facts,
    rows,
    columns: cellColumns([{ field: "value", title: valueTitle }]),
    layout: { kind: "panels", minWidth: 225, axisWidth: 56, axis: "first" },
    spec: {
      $schema: SCHEMA_URL,
      description: facts.title,
      data: { name: ROWS },
      transform: [engineDepth(rows)],
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
            scale:
              scale === "log"
                ? logScale(rows, ["value"])
                : { type: scale, ...(scale === "symlog" ? { constant: 1 } : {}) },
            axis: { labelExpr: QUANTITY_LABELS, ...ticks },
          },
          color: engineColor(rows),
        },
        layer: [
          { mark: { type: "line", strokeWidth: 1.5, opacity: 0.7 } },
          {
            mark: { type: "point", filled: true, size: 45, opacity: 1 },
            encoding: {
              shape: engineShape(rows),
              order: { field: "depth", type: "quantitative" },
              tooltip,
            },
          },
        ],
      },
    },
  };
}
