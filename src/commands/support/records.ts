/** Options for keys and values that several commands share, and bounds of a range as they are typed. */

import type { Argv } from "yargs";
import type { RangeOptions } from "../../store/range-options.js";
import type { RawTree } from "../../store/raw-tree.js";
import { FORMATS, type Format, formatOfKeys, formatOfValues, parseKey } from "./formats.js";

export interface KeyFormatArgument {
  readonly "key-as": Format | undefined;
}

export interface ValueFormatArgument {
  readonly "value-as": Format | undefined;
}

export interface BoundArguments {
  readonly gt: string | undefined;
  readonly gte: string | undefined;
  readonly lt: string | undefined;
  readonly lte: string | undefined;
  readonly prefix: string | undefined;
}

export function withKeyFormat<A>(yargs: Argv<A>): Argv<A & KeyFormatArgument> {
  return yargs.option("key-as", {
    choices: FORMATS,
    describe: "How keys are written: text for utf8 keys, json for ordered ones, hex for bytes",
  }) as Argv<A & KeyFormatArgument>;
}

export function withValueFormat<A>(yargs: Argv<A>): Argv<A & ValueFormatArgument> {
  return yargs.option("value-as", {
    choices: FORMATS,
    describe: "How values are written: json, text or hex, as the tree's encoding is",
  }) as Argv<A & ValueFormatArgument>;
}

export function withBounds<A>(yargs: Argv<A>): Argv<A & BoundArguments> {
  return yargs
    .option("gte", { type: "string", describe: "From this key on" })
    .option("gt", { type: "string", describe: "From the key after this one on" })
    .option("lt", { type: "string", describe: "Up to the key before this one" })
    .option("lte", { type: "string", describe: "Up to this key" })
    .option("prefix", {
      type: "string",
      describe: "Keys that begin like this",
      conflicts: ["gt", "gte", "lt", "lte"],
    }) as unknown as Argv<A & BoundArguments>;
}

/** The key of a command line in the tree's encoding. Throws UsageError. */
export function keyOf(tree: RawTree, text: string, format: Format | undefined): Uint8Array {
  const { keyEncoding } = tree.record;
  return parseKey(text, format ?? formatOfKeys(keyEncoding), keyEncoding);
}

export function keyFormatOf(tree: RawTree, format: Format | undefined): Format {
  return format ?? formatOfKeys(tree.record.keyEncoding);
}

export function valueFormatOf(tree: RawTree, format: Format | undefined): Format {
  return format ?? formatOfValues(tree.record.valueEncoding);
}

export function rangeOf(
  tree: RawTree,
  bounds: BoundArguments,
  format: Format | undefined,
): RangeOptions<Uint8Array> {
  const key = (text: string): Uint8Array => keyOf(tree, text, format);
  if (bounds.prefix !== undefined) return { prefix: key(bounds.prefix) };
  return {
    ...(bounds.gt !== undefined && { gt: key(bounds.gt) }),
    ...(bounds.gte !== undefined && { gte: key(bounds.gte) }),
    ...(bounds.lt !== undefined && { lt: key(bounds.lt) }),
    ...(bounds.lte !== undefined && { lte: key(bounds.lte) }),
  };
}
