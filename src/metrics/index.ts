/**
 * espalier/metrics: a store's counters for Prometheus and OpenTelemetry, and the snapshot file by which
 * another process sees them.
 */

export {
  METRICS,
  type MetricDefinition,
  type MetricsSource,
  type MetricType,
  type Sample,
} from "./definitions.js";
export type { MeasuredStore } from "./measured-store.js";
export { type MetricsMeter, observeMetrics } from "./open-telemetry.js";
export { type MetricsRegistry, type RegisterOptions, registerMetrics } from "./prom-client.js";
export { type LabelledSource, prometheusText, TEXT_CONTENT_TYPE } from "./prometheus-text.js";
export { type MetricsSnapshot, type PublishOptions, publishMetrics, readSnapshot } from "./snapshot-file.js";
