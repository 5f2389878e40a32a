/**
 * A store's metrics in a prom-client registry. They are read when the registry is scraped; nothing runs
 * in between. prom-client itself is not imported: a registry takes any object that hands out values.
 */

import { METRICS, type MetricDefinition, type MetricsSource } from "./definitions.js";

/** What is used of a store. */
export interface MeasuredStore {
  readonly path: string;
  metrics(): MetricsSource["metrics"];
  stats(): MetricsSource["stats"];
}

/** What a registry asks of a metric. */
export interface PulledMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: "sum";
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly aggregator: "sum";
    readonly values: readonly {
      readonly value: number;
      readonly labels: Record<string, string>;
      readonly metricName: string;
    }[];
  }>;
  reset(): void;
}

/** What is used of a prom-client Registry. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

export interface RegisterOptions {
  /** Value of the label `store`; the store's path by default. */
  readonly name?: string;
}

const registered: WeakMap<MetricsRegistry, Map<string, MeasuredStore>> = new WeakMap();

/**
 * Adds a store to a registry, under the label `store`. Returns the function that takes it out again; call
 * it before the store is closed. Throws RangeError where the registry has a store of that name.
 *
 *   import { register } from "prom-client";
 *   const unregister = registerMetrics(store, register);
 */
export function registerMetrics(
  store: MeasuredStore,
  registry: MetricsRegistry,
  options: RegisterOptions = {},
): () => void {
  const name = options.name ?? store.path;
  let stores = registered.get(registry);
  if (stores?.has(name)) throw new RangeError(`the registry has a store named ${name} already`);
  if (stores === undefined || stores.size === 0) {
    const all = new Map<string, MeasuredStore>();
    for (const definition of METRICS) registry.registerMetric(pulled(definition, all) as never);
    registered.set(registry, all);
    stores = all;
  }
  const own = stores;
  own.set(name, store);
  return () => {
    if (own.get(name) !== store) return;
    own.delete(name);
    if (own.size > 0) return;
    for (const definition of METRICS) registry.removeSingleMetric(definition.name);
    registered.delete(registry);
  };
}

function pulled(definition: MetricDefinition, stores: ReadonlyMap<string, MeasuredStore>): PulledMetric {
  const { name, help, type, read } = definition;
  const head = { name, help, type, aggregator: "sum" as const };
  return {
    ...head,
    get: async () => ({
      ...head,
      values: [...stores].flatMap(([label, store]) =>
        read({ metrics: store.metrics(), stats: store.stats() }).map(({ labels, value, suffix = "" }) => ({
          value,
          labels: { store: label, ...labels },
          metricName: `${name}${suffix}`,
        })),
      ),
    }),
    // The counters are the store's; a registry can't set them back.
    reset: () => undefined,
  };
}
