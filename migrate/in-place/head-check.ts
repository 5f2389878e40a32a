/**
 * Whether what a journal's head says can be said: the shape of each field, before anything is made of it. Its
 * checksum only tells that it was written so.
 */

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

function listOf(each: Check, length?: number): Check {
  return (value) => Array.isArray(value) && (length ?? value.length) === value.length && value.every(each);
}

function either(first: Check, second: Check): Check {
  return (value) => first(value) || second(value);
}

/** An object that has these fields at least. */
function shape(fields: Readonly<Record<string, Check>>): Check {
  return (value) => {
    if (typeof value !== "object" || value === null) return false;
    const found = value as Readonly<Record<string, unknown>>;
    return Object.entries(fields).every(([name, check]) => check(found[name]));
  };
}

const pageSize: Check = (value) =>
  count(value) && (value as number) > 0 && (value as number) <= 0x1_0000 + 64;
const generation = oneOf("gen1", "gen2", "gen3");
const range = listOf(count, 2);
const carried = listOf(shape({ page: count, image: text }));
const offset = either(count, oneOf(null));

const tree = shape({
  name: text,
  units: range,
  leaves: range,
  records: count,
  digest: text,
  branches: listOf(count),
  metaOffset: offset,
});

const legacy = shape({
  generation: either(generation, oneOf("unknown")),
  pageSize,
  lastLsn: count,
  trees: listOf(shape({ name: text, root: count, metaOffset: offset })),
  meta: text,
  pages: either(oneOf(undefined), carried),
});

const head = shape({
  version: count,
  id: text,
  direction: oneOf("forward", "back"),
  generation,
  sourcePageSize: pageSize,
  targetPageSize: pageSize,
  oldBytes: count,
  finalPages: count,
  gaps: listOf(shape({ start: count, count })),
  growthPages: count,
  verify: oneOf("full", "sample", "none"),
  trees: listOf(tree),
  firstSector: text,
  meta: text,
  storeId: text,
  legacy: either(oneOf(null), legacy),
  carried,
  report: shape({ recognisedBy: text, logFrames: count, healed: listOf(text), pagesBefore: count }),
});

/** `value` as the journal's head has it, with an entry for each of `tables` tables; undefined: it cannot be. */
export function checkedHead<T>(value: unknown, tables: number): T | undefined {
  const stored = shape({ head, tables: listOf(shape({ words: count, crc: count }), tables) });
  return stored(value) ? (value as T) : undefined;
}
