/** The sections, in the order of the table of targets. */

import type { Section } from "../plan.js";
import { awaited, commit, latency } from "./commit.js";
import { get, ways } from "./get.js";
import { growth } from "./growth.js";
import { insert, overwrite } from "./insert.js";
import { bulk, written } from "./load.js";
import { mixed, putMany, remove } from "./put-many.js";
import { scan } from "./scan.js";
import { cold, memory, opening, start } from "./whole.js";

export const SECTIONS: readonly Section[] = [
  get,
  ways,
  scan,
  insert,
  overwrite,
  putMany,
  mixed,
  commit,
  awaited,
  remove,
  written,
  bulk,
  latency,
  opening,
  growth,
  cold,
  memory,
  start,
];
