/** All charts, in the order of the page. */

import type { DashboardData } from "../data/model.js";
import { allocatorBytes } from "./allocator-bytes.js";
import { allocatorEdits } from "./allocator-edits.js";
import { allocatorFailures } from "./allocator-failures.js";
import { allocatorState } from "./allocator-state.js";
import { beforeAfter } from "./before-after.js";
import type { Chart, ChartBuilder } from "./chart.js";
import { drift } from "./drift.js";
import { fileSize } from "./file-size.js";
import { geometricMeans } from "./geometric-means.js";
import { guardrailCensus } from "./guardrail-census.js";
import { guardrailPaths } from "./guardrail-paths.js";
import { history } from "./history.js";
import { latencyLadder } from "./latency-ladder.js";
import { logBytes } from "./log-bytes.js";
import { memory } from "./memory.js";
import { migrationFailures } from "./migration-failures.js";
import { migrationFiles } from "./migration-files.js";
import { migrationProgress } from "./migration-progress.js";
import { migrationSpeed } from "./migration-speed.js";
import { processorTime } from "./processor-time.js";
import { ratioHeatmap } from "./ratio-heatmap.js";
import { slotExtentBesideRebuild } from "./slot-extent-beside-rebuild.js";
import { slotExtentBuilds } from "./slot-extent-builds.js";
import { slotExtentDistribution } from "./slot-extent-distribution.js";
import { slotExtentTime } from "./slot-extent-time.js";
import { spaceAmplification } from "./space-amplification.js";
import { syncs } from "./syncs.js";
import { throughputByInterval } from "./throughput-by-interval.js";
import { throughputWithoutInterval } from "./throughput-without-interval.js";
import { writeAmplification } from "./write-amplification.js";

const BUILDERS: readonly ChartBuilder[] = [
  throughputByInterval,
  throughputWithoutInterval,
  ratioHeatmap,
  geometricMeans,
  allocatorEdits,
  allocatorFailures,
  allocatorState,
  allocatorBytes,
  slotExtentTime,
  slotExtentBuilds,
  slotExtentDistribution,
  slotExtentBesideRebuild,
  guardrailCensus,
  guardrailPaths,
  logBytes,
  syncs,
  writeAmplification,
  spaceAmplification,
  fileSize,
  memory,
  processorTime,
  latencyLadder,
  history,
  beforeAfter,
  migrationFiles,
  migrationProgress,
  migrationFailures,
  migrationSpeed,
  drift,
];

const NO_RUN = "No run of the matrix was given.";

/** Every chart of a dashboard. Those without rows say in `empty` what they lack. */
export function buildCharts(data: DashboardData): Chart[] {
  const charts = BUILDERS.map((build) => build(data));
  if (data.run !== null) return charts;
  return charts.map((chart) => (chart.section === "migration" ? chart : { ...chart, empty: NO_RUN }));
}
