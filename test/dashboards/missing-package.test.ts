/** Images as PNG need a package that is optional: without it the command says so, and writes nothing. */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { cli, temporaryFolder } from "../commands/support.js";
import { migrationReport } from "./support/documents.js";

/** Makes Node find no resvg. */
const HIDE = `import { register } from "node:module";
const hooks = \`export function resolve(name, context, next) {
  if (name !== "@resvg/resvg-js") return next(name, context);
  throw Object.assign(new Error("Cannot find package '" + name + "'"), { code: "ERR_MODULE_NOT_FOUND" });
}\`;
register("data:text/javascript," + encodeURIComponent(hooks));
`;

test("build --png without resvg is a wrong use that names the package", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "hide.mjs"), HIDE);
  writeFileSync(join(folder, "migration.json"), JSON.stringify(migrationReport()));
  const { code, stdout, stderr } = cli(["dashboards", "build", "migration.json", "--png"], {
    cwd: folder,
    env: { NODE_OPTIONS: `--import ${pathToFileURL(join(folder, "hide.mjs"))}` },
  });
  expect(code).toBe(2);
  expect(stderr).toContain("npm install @resvg/resvg-js");
  expect(stdout).toBe("");
  expect(existsSync(join(folder, "dashboards-site"))).toBe(false);
});
