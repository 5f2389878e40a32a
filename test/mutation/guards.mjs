/** The guards that a switch can break, by rule (docs/invariants.md), and the tests that miss them. */

import { CALLERS_GUARDS } from "./guards/callers.mjs";
import { CHECKPOINT_GUARDS } from "./guards/checkpoint.mjs";
import { DURABILITY_GUARDS } from "./guards/durability.mjs";
import { JOURNAL_GUARDS } from "./guards/journal.mjs";
import { LOCK_GUARDS } from "./guards/lock.mjs";
import { LOG_GUARDS } from "./guards/log.mjs";
import { MIGRATOR_GUARDS } from "./guards/migrator.mjs";
import { PAGES_GUARDS } from "./guards/pages.mjs";
import { SPACE_GUARDS } from "./guards/space.mjs";
import { SURROUNDINGS_GUARDS } from "./guards/surroundings.mjs";
import { WRITE_AHEAD_GUARDS } from "./guards/write-ahead.mjs";

export const GUARDS = [
  ...WRITE_AHEAD_GUARDS,
  ...CHECKPOINT_GUARDS,
  ...LOG_GUARDS,
  ...DURABILITY_GUARDS,
  ...SPACE_GUARDS,
  ...PAGES_GUARDS,
  ...LOCK_GUARDS,
  ...CALLERS_GUARDS,
  ...MIGRATOR_GUARDS,
  ...JOURNAL_GUARDS,
  ...SURROUNDINGS_GUARDS,
];
