/** One colour a state of a file: blues and greens ended well, oranges did not, greys are on their way. */

import { FILE_STATUSES, type FileStatus } from "../documents/migration-report.js";

const COLORS: Record<FileStatus, string> = {
  converted: "#1f7fc4",
  "rolled-back": "#56b4e9",
  rehearsed: "#009e73",
  unchanged: "#44aa99",
  running: "#c9ccd1",
  pending: "#8a8f98",
  interrupted: "#e69f00",
  locked: "#a19322",
  refused: "#cc79a7",
  corrupt: "#a84300",
  failed: "#d55e00",
};

/** The scale of file states, for a colour channel. */
export function statusScale(): { domain: string[]; range: string[] } {
  return { domain: [...FILE_STATUSES], range: FILE_STATUSES.map((status) => COLORS[status]) };
}
