/** The proof that a rewritten file is a sound store that holds what the legacy file held. */

import { CorruptionError } from "../src/base/errors.js";
import { Catalog } from "../src/store/catalog.js";
import { open } from "../src/store/open.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { checkBranches } from "./branch-check.js";
import type { WorkStep } from "./control.js";
import { combinedDigest } from "./digests.js";
import type { VerifyMode } from "./in-place/program.js";
import type { LegacySurvey } from "./legacy/survey.js";
import { storeTreeName } from "./legacy-record.js";
import type { WrittenStore } from "./store-file.js";
import { StorePages } from "./store-pages.js";
import { verifying } from "./store-verify.js";

const CACHE_BYTES: number = 32 * 1024 * 1024;

/**
 * The digest of the new file's content; null where the mode does not ask for it. The store itself opens the file
 * in every mode. Where the leaves were read back while the file was written, only the branches are left to be
 * checked; else the store verifies itself. Throws CorruptionError (M2).
 */
export function* verifyStoreFile(
  vfs: Vfs,
  fresh: string,
  survey: LegacySurvey,
  written: WrittenStore,
  mode: VerifyMode,
): Generator<WorkStep, string | null> {
  if (mode === "none") return null;
  const bad = (page: number, reason: string): CorruptionError =>
    new CorruptionError("M2", reason, { path: fresh, page, offset: -1 });
  const expected = survey.trees.reduce((sum, tree) => sum + tree.content!.records, 0);
  const store = open(fresh, { vfs, readOnly: true, cacheBytes: CACHE_BYTES });
  let digests: (string | null)[];
  try {
    const { records: unnamed, trees } = store.stats();
    const found = Object.values(trees).reduce((sum, count) => sum + count, unnamed);
    if (found !== expected) throw bad(-1, `the new file holds ${found} records of ${expected}`);
    if (mode === "sample") return null;
    const followed = written.trees.every((tree) => tree.checked !== undefined);
    digests = followed ? checkFollowed(vfs, fresh, survey, written, bad) : yield* verifyWhole();
  } finally {
    store.close();
  }
  survey.trees.forEach((tree, index) => {
    if (digests[index] === tree.content!.digest) return;
    const name = storeTreeName(survey, index);
    throw bad(-1, `the content digest of the tree "${name}" differs from the one before`);
  });
  return combinedDigest(survey.trees.map((tree, index) => ({ name: tree.name, digest: digests[index]! })));

  function* verifyWhole(): Generator<WorkStep, (string | null)[]> {
    const engine = store["engine"];
    const report = yield* verifying(engine, new Catalog(engine), "verify");
    const problem = report.problems[0];
    if (problem !== undefined) throw bad(problem.page, problem.reason);
    return survey.trees.map((_, index) => report.trees[storeTreeName(survey, index)]?.digest ?? null);
  }
}

/** What is left to be checked where a follower has read all leaves. */
function checkFollowed(
  vfs: Vfs,
  fresh: string,
  survey: LegacySurvey,
  written: WrittenStore,
  bad: (page: number, reason: string) => CorruptionError,
): (string | null)[] {
  const file = vfs.open(fresh, "read");
  try {
    const pages = new StorePages(file, written.pageSize, written.storeId);
    return written.trees.map(({ root, leaves, checked }, index) => {
      const { records } = survey.trees[index]!.content!;
      if (checked!.records !== records) throw bad(root, `${checked!.records} records arrived of ${records}`);
      checkBranches(pages, root, {
        count: leaves.length,
        page: (leaf) => leaves.at(leaf),
        fences: checked!.fences,
      });
      return checked!.digest;
    });
  } finally {
    file.close();
  }
}
