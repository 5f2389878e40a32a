/** The Prometheus text format (version 0.0.4), for scrapes without a client library. */

import { METRICS, type MetricDefinition, type MetricsSource } from "./definitions.js";

/** A store's figures under the label that tells it from others. */
export interface LabelledSource {
  readonly store: string;
  readonly source: MetricsSource;
}

/** What a server says that the text is. */
export const TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** All metrics of some stores as one text. */
export function prometheusText(sources: readonly LabelledSource[]): string {
  return METRICS.map((metric) => family(metric, sources)).join("");
}

function family(metric: MetricDefinition, sources: readonly LabelledSource[]): string {
  const { name, type, help, read } = metric;
  let text = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  for (const { store, source } of sources) {
    for (const { labels, value, suffix = "" } of read(source)) {
      text += `${name}${suffix}{${labelText({ store, ...labels })}} ${value}\n`;
    }
  }
  return text;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

/** A label's value as it stands between the quotes. */
export function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
