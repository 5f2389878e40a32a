/**
 * A store's metrics in a prom-client registry. They are read when the registry is scraped; nothing runs
 * in between. prom-client itself is not imported: a registry takes any object that hands out values.
 */

import { assertOptions } from "../store/call-options.js";
import { METRICS, type MetricDefinition } from "./definitions.js";
import { LABEL_OPTIONS, type MeasuredStore, sourceOf } from "./measured-store.js";

/** What a registry asks of a metric. */
export interface PulledMetric {
  /** Not read-only: a registry of OpenMetrics takes `_total` off, and puts it behind the samples' names itself. */
  name: string;
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
      /** Only where it isn't the metric's own. */
      readonly metricName?: string;
    }[];
  }>;
  reset(): void;
}

/** What is used of a prom-client Registry. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
  getSingleMetric(name: string): unknown;
}

/** How a store is told from others of the registry. */
export interface RegisterOptions {
  /** Value of the label `store`; the store's path by default. */
  readonly name?: string;
}

/** What a registry was given. */
interface Registered {
  readonly stores: Map<string, MeasuredStore>;
  readonly metrics: readonly PulledMetric[];
}

const registered: WeakMap<MetricsRegistry, Registered> = new WeakMap();

/**
 * Adds a store to a registry, under the label `store`. Returns the function that takes it out again. A store that
 * was closed without it is passed over from then on, and its name is free. Throws RangeError where the registry has
 * an open store of that name.
 *
 *   import { register } from "prom-client";
 *   const unregister = registerMetrics(store, register);
 */
export function registerMetrics(
  store: MeasuredStore,
  registry: MetricsRegistry,
  options: RegisterOptions = {},
): () => void {
  assertOptions(options, LABEL_OPTIONS);
  const name = options.name ?? store.path;
  const { stores } = registeredIn(registry) ?? registerAll(registry);
  const held = stores.get(name);
  if (held !== undefined && sourceOf(held) !== null)
    throw new RangeError(`the registry has a store named ${name} already; give this one a name of its own`);
  stores.set(name, store);
  return () => {
    if (stores.get(name) !== store) return;
    stores.delete(name);
    if (stores.size > 0 || registeredIn(registry)?.stores !== stores) return;
    for (const definition of METRICS) registry.removeSingleMetric(definition.name);
    registered.delete(registry);
  };
}

/** What a registry has of this module; undefined where that was cleared since. */
function registeredIn(registry: MetricsRegistry): Registered | undefined {
  const held = registered.get(registry);
  const [first] = held?.metrics ?? [];
  return first !== undefined && registry.getSingleMetric(METRICS[0]?.name ?? "") === first ? held : undefined;
}

function registerAll(registry: MetricsRegistry): Registered {
  const stores = new Map<string, MeasuredStore>();
  const metrics = METRICS.map((definition) => pulled(definition, stores));
  for (const metric of metrics) registry.registerMetric(metric as never);
  const held: Registered = { stores, metrics };
  registered.set(registry, held);
  return held;
}

function pulled(definition: MetricDefinition, stores: ReadonlyMap<string, MeasuredStore>): PulledMetric {
  const { help, type, read } = definition;
  return {
    name: definition.name,
    help,
    type,
    aggregator: "sum",
    async get() {
      const { name } = this;
      const values = [...stores].flatMap(([label, store]) => {
        const source = sourceOf(store);
        if (source === null) return [];
        return read(source).map(({ labels, value, suffix }) => ({
          value,
          labels: { store: label, ...labels },
          ...(suffix === undefined ? {} : { metricName: `${name}${suffix}` }),
        }));
      });
      return { name, help, type, aggregator: "sum", values };
    },
    // The counters are the store's; a registry can't set them back.
    reset: () => undefined,
  };
}
