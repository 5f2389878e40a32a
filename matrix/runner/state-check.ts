/**
 * What the files of a run's state must hold for the run to go on: what the document is built of, in the words of
 * its schema where that has them. They are edited by hand, and copied from other versions.
 */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { shippedJson } from "../../src/base/package-files.js";

/** What a file of the state is. */
export type StateKind = "plan" | "side" | "round" | "profile";

const STATE_ID = "espalier-matrix-state-1";
const NUMBER = { type: "number" };
const COUNT = { type: "integer", minimum: 0 };
const POSITIVE = { type: "integer", minimum: 1 };
const ABOVE_ZERO = { type: "number", exclusiveMinimum: 0 };
const TEXT = { type: "string" };
const FLAG = { type: "boolean" };

function ofDocument(name: string): object {
  return { $ref: `espalier-matrix-run-1#/$defs/${name}` };
}

function list(items: object): object {
  return { type: "array", items };
}

/** An object that has at least these fields. */
function fields(properties: Readonly<Record<string, object>>): object {
  return { type: "object", required: Object.keys(properties), properties };
}

const NUMBER_OR_NULL: object = ofDocument("nullableNumber");

const RESULT: object = fields({
  operations: POSITIVE,
  passes: POSITIVE,
  // A mean, where a range takes what it finds.
  opsPerIteration: ABOVE_ZERO,
  seconds: ABOVE_ZERO,
  coldOpsPerSecond: NUMBER,
  samplesUs: { ...list(NUMBER), minItems: 1 },
  passedToWrite: NUMBER_OR_NULL,
  reachedStorage: NUMBER_OR_NULL,
  logicalBytes: NUMBER,
  cpuUs: { anyOf: [fields({ user: NUMBER, system: NUMBER }), { type: "null" }] },
  peakBytes: NUMBER_OR_NULL,
  baseBytes: NUMBER,
  fileBytes: NUMBER_OR_NULL,
  contentBytes: NUMBER,
  counters: {
    anyOf: [
      fields({ before: ofDocument("counterTree"), after: ofDocument("counterTree") }),
      { type: "null" },
    ],
  },
  census: { anyOf: [ofDocument("census"), { type: "null" }] },
  contentHash: TEXT,
});

const OUTCOME: object = {
  anyOf: [
    fields({ status: { const: "ok" }, result: RESULT }),
    fields({ status: { enum: ["failed", "timeout"] }, reason: TEXT }),
  ],
};

const SHAPES: Readonly<Record<StateKind, object>> = {
  plan: fields({
    id: TEXT,
    preset: TEXT,
    seed: { type: "integer" },
    startedAt: TEXT,
    command: TEXT,
    label: ofDocument("nullableString"),
    sections: list(
      fields({
        workloads: list(ofDocument("workload")),
        commitEvery: list(POSITIVE),
        engines: list(TEXT),
        records: list(POSITIVE),
        shapes: list(ofDocument("shape")),
        orders: list(ofDocument("order")),
      }),
    ),
    effort: fields({
      commitsMax: POSITIVE,
      operationsMax: POSITIVE,
      gets: POSITIVE,
      passes: POSITIVE,
      warmOperations: COUNT,
      limits: fields({ syncs: POSITIVE, sequentialBytes: POSITIVE }),
    }),
    settings: ofDocument("settings"),
    keepSamples: FLAG,
    cpuProfiles: FLAG,
    environment: ofDocument("environment"),
  }),
  side: fields({
    drift: list(fields({ at: TEXT, afterRound: COUNT, javascriptMs: NUMBER, syncUs: NUMBER_OR_NULL })),
    limits: list(
      fields({
        id: { $ref: "espalier-matrix-run-1#/$defs/limit/properties/id" },
        value: NUMBER_OR_NULL,
        samplesUs: list(NUMBER),
      }),
    ),
    spentMs: NUMBER,
  }),
  round: fields({ round: POSITIVE, startedAt: TEXT, outcome: OUTCOME }),
  profile: OUTCOME,
};

/** What of a plan says which engines there are. */
interface PlannedEngines {
  readonly sections: readonly { readonly engines: readonly string[] }[];
  readonly settings: { readonly engines: readonly string[] };
}

const validators: Map<StateKind, ValidateFunction> = new Map();

/** Whether a file's value is what one of this kind holds. */
export function isStateOf(kind: StateKind, value: unknown): boolean {
  const validate = validators.get(kind) ?? compiled(kind);
  return validate(value) && (kind !== "plan" || namesItsEngines(value as PlannedEngines));
}

/** What no schema says: the engines of a run are looked for by its settings, and measured by its sections. */
function namesItsEngines({ sections, settings }: PlannedEngines): boolean {
  return sections.every(({ engines }) => engines.every((engine) => settings.engines.includes(engine)));
}

function compiled(kind: StateKind): ValidateFunction {
  const ajv = new Ajv2020({ allowUnionTypes: true, strictRequired: false });
  ajv.addSchema(shippedJson("docs/matrix-run.schema.json") as object);
  const validate = ajv.compile({ $id: `${STATE_ID}-${kind}`, ...SHAPES[kind] });
  validators.set(kind, validate);
  return validate;
}
