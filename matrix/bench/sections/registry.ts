/** The sections, in the order of the table of targets. */

import type { Section } from "../plan.js";
import { get, ways } from "./get.js";
import { insert, overwrite } from "./insert.js";
import { scan } from "./scan.js";

export const SECTIONS: readonly Section[] = [get, ways, scan, insert, overwrite];
