/** Dashboards as a library: documents in, charts and pages out. */

export { type BuildOptions, type BuiltSite, buildSite, specText } from "./build.js";
export { type Chart, type Column, SECTIONS, type Section, standaloneSpec } from "./charts/chart.js";
export { buildCharts } from "./charts/registry.js";
export { chartConfig, type Theme } from "./charts/theme.js";
export { type DashboardData, dashboardData } from "./data/model.js";
export { type Verdict, verdictOf } from "./data/verdict.js";
export type { RunDocument } from "./documents/matrix-run.js";
export type { MigrationReport } from "./documents/migration-report.js";
export { DashboardInputError, type Inputs, readInputs } from "./documents/read.js";
export { type PageOptions, pageHtml } from "./page/shell.js";
export { type Rendered, renderChart, renderSpec, svgToPng } from "./render.js";
export { type Dashboards, type ServeOptions, serveDashboards } from "./serve.js";
