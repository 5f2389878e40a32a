/** What keeps a backup from being made is told as the file system of the store tells it. */

import { expect, it } from "vitest";
import { attempt } from "../../migrate/backup.js";
import { DiskFullError, IoError } from "../../src/base/errors.js";

it.each([
  ["ENOSPC", DiskFullError, "copy /b failed: no room (ENOSPC)"],
  ["EDQUOT", DiskFullError, "copy /b failed: no room (EDQUOT)"],
  ["EFBIG", DiskFullError, "copy /b failed: no room (EFBIG)"],
  ["EACCES", IoError, "copy /b failed: EACCES (no permission)"],
] as const)("%s", (code, kind, message) => {
  const failing = (): void => {
    throw Object.assign(new Error("what the system says"), { code });
  };
  const caught = ((): unknown => {
    try {
      return attempt("/b", failing);
    } catch (error) {
      return error;
    }
  })();
  expect(caught).toBeInstanceOf(kind);
  expect(caught).toMatchObject({ message });
});
