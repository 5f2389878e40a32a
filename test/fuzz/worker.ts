/** The flips of one file, in a process of its own: run.mjs starts it, compiled. */

import { parseArgs } from "node:util";
import { FLIP_CASES, flipBits } from "./bit-flips.js";

const { values } = parseArgs({
  options: {
    case: { type: "string", default: "0" },
    step: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
  },
});

const flipCase = FLIP_CASES[Number(values.case)];
if (flipCase === undefined) throw new Error(`there is no case ${values.case}`);
const startMs = performance.now();
const plan = { seed: Number(values.seed), step: Number(values.step), bit: undefined };
const { bits, seen } = flipBits(flipCase, plan);
const seconds = Math.round((performance.now() - startMs) / 1000);
console.log(`${flipCase.name}: ${bits} bits, ${seconds} s: ${JSON.stringify(seen)}`);
