/**
 * A store's metrics as OpenTelemetry observable instruments. @opentelemetry/api is not imported: any
 * meter with its methods will do. Names follow OpenTelemetry: dots, no `_total`, units apart.
 */

import { assertOptions } from "../store/call-options.js";
import { METRICS } from "./definitions.js";
import { LABEL_OPTIONS, type MeasuredStore, sourceOf } from "./measured-store.js";

export interface ObservableResult {
  observe(value: number, attributes?: Record<string, string>): void;
}

export interface Observable {
  addCallback(callback: (result: ObservableResult) => void): void;
  removeCallback(callback: (result: ObservableResult) => void): void;
}

interface InstrumentOptions {
  readonly description?: string;
  readonly unit?: string;
}

/** What is used of an OpenTelemetry Meter. */
export interface MetricsMeter {
  createObservableCounter(name: string, options?: InstrumentOptions): Observable;
  createObservableGauge(name: string, options?: InstrumentOptions): Observable;
}

/**
 * Observes a store's metrics, histograms left out (OpenTelemetry has no observable ones). Returns the
 * function that ends it; a store that was closed without it is observed no more.
 *
 *   const stop = observeMetrics(store, metrics.getMeter("espalier"));
 */
export function observeMetrics(
  store: MeasuredStore,
  meter: MetricsMeter,
  options: { readonly name?: string } = {},
): () => void {
  assertOptions(options, LABEL_OPTIONS);
  const label = options.name ?? store.path;
  const undo: (() => void)[] = [];
  for (const { name, type, unit, help, read } of METRICS) {
    if (type === "histogram") continue;
    const settings = { description: help, unit };
    const instrument =
      type === "counter"
        ? meter.createObservableCounter(openTelemetryName(name), settings)
        : meter.createObservableGauge(openTelemetryName(name), settings);
    const callback = (result: ObservableResult): void => {
      const source = sourceOf(store);
      for (const { labels, value } of source === null ? [] : read(source))
        result.observe(value, { store: label, ...labels });
    };
    instrument.addCallback(callback);
    undo.push(() => instrument.removeCallback(callback));
  }
  return () => {
    for (const each of undo.splice(0)) each();
  };
}

/** "espalier_log_written_bytes_total" is "espalier.log.written" with unit By. */
export function openTelemetryName(name: string): string {
  return name
    .replace(/_total$/, "")
    .replace(/_(bytes|seconds)$/, "")
    .replaceAll("_", ".");
}
