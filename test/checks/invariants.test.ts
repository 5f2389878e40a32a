/** A message that ends in the number of an invariant sends its reader to docs/invariants.md: each is explained there. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../src/base/package-files.js";

/** Numbers as the code has them: for errors and problems, in quotes. */
function numbersIn(folder: string): string[] {
  return readdirSync(join(packageRoot(), folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => [
      ...readFileSync(join(packageRoot(), folder, name), "utf8").matchAll(/"([LBPWSMG]\d+)"/g),
    ])
    .map(([, number]) => number!);
}

it("every invariant that an error can name is in docs/invariants.md", () => {
  const page = readFileSync(join(packageRoot(), "docs/invariants.md"), "utf8");
  const explained = new Set([...page.matchAll(/^- \*\*(\w+)\*\*/gm)].map(([, number]) => number!));
  const named = new Set([...numbersIn("src"), ...numbersIn("migrate")]);
  expect(named.size).toBeGreaterThan(30);
  expect([...named].filter((number) => !explained.has(number)).sort()).toEqual([]);
});
