#!/usr/bin/env node
/**
 * The front door. A Node that is too old could not even load what lies behind it, and would tell of some dependency's
 * syntax instead of the reason.
 */

import zlib from "node:zlib";

if ("crc32" in zlib) await import("./command-line.js");
else {
  const { node } = process.versions;
  process.stderr.write(`espalier: Node.js 20.19, or 22.12 or later, is needed; this is ${node}\n`);
  process.exitCode = 2;
}
