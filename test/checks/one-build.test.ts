/** What the tests run as compiled sources is compiled from the sources as they are. */

import { existsSync, mkdirSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { BUILD_VARIABLE, buildFolder } from "../support/compiled.js";
import { setup, teardown } from "../support/one-build.js";

/** Story: numbers of processes come again, and the build of a killed run was taken for that of the next. */
it("is not what an earlier run with this one's number has left, nor what was there before they changed", () => {
  const ofThisRun = process.env[BUILD_VARIABLE];
  onTestFinished(() => {
    process.env[BUILD_VARIABLE] = ofThisRun;
    teardown();
  });
  const folder = buildFolder(process.pid);
  mkdirSync(folder, { recursive: true });
  let rerun = (): unknown => undefined;
  setup({ onTestsRerun: (handler) => (rerun = () => handler([])) });
  expect(process.env[BUILD_VARIABLE]).toBe(folder);
  expect(existsSync(folder)).toBe(false);
  mkdirSync(folder);
  rerun();
  expect(existsSync(folder)).toBe(false);
});
