/** What a run was made on: processor, memory, disk, system, runtime, versions. Unknown things are null. */

import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync, statfsSync } from "node:fs";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import { basename } from "node:path";
import { packageRoot, packageVersion } from "../../src/base/package-files.js";
import type { Environment } from "../results/document.js";

/**
 * Captures the environment of a run whose stores lie in `folder`, and whose measuring processes Node is given
 * `childFlags` for. The load at the end is filled in later.
 */
export function captureEnvironment(
  folder: string,
  peers: Record<string, string>,
  childFlags: readonly string[],
): Environment {
  const processors = cpus();
  const load = loadavg();
  return {
    cpu: {
      model: processors[0]?.model.trim() ?? "unknown",
      cores: processors.length,
      mhz: processors[0]?.speed || null,
      architecture: arch(),
    },
    memoryBytes: totalmem(),
    disk: captureDisk(folder),
    os: { platform: platform(), kernel: release() },
    runtime: {
      name: "node",
      version: process.version,
      v8: process.versions.v8,
      // Not this process's own: what measures is not given them. NODE_OPTIONS reaches every process.
      flags: [...childFlags, ...(process.env["NODE_OPTIONS"]?.split(/\s+/).filter(Boolean) ?? [])],
    },
    espalier: { version: packageVersion(), ...captureGit() },
    peers,
    loadAtStart: load,
    loadAtEnd: load,
  };
}

/** A document names one machine and one version of everything. Throws Error where rounds would be of two. */
export function assertSameEnvironment(out: string, before: Environment, now: Environment): void {
  const changes = environmentChanges(before, now);
  if (changes.length === 0) return;
  const why = "figures of both would stand in one document; start another run with another --out";
  throw new Error(`${out} can't be resumed: ${changes.join(", ")}; ${why}`);
}

function environmentChanges(before: Environment, now: Environment): string[] {
  const changes: string[] = [];
  const compare = (what: string, was: string | number | null, is: string | number | null): void => {
    if (was !== is) changes.push(`${what} was ${was ?? "unknown"} and is ${is ?? "unknown"}`);
  };
  compare("espalier", before.espalier.version, now.espalier.version);
  compare("its commit", before.espalier.gitCommit, now.espalier.gitCommit);
  compare(before.runtime.name, before.runtime.version, now.runtime.version);
  compare("the list of its flags", before.runtime.flags.join(" "), now.runtime.flags.join(" "));
  compare("the processor", before.cpu.model, now.cpu.model);
  compare("the number of cores", before.cpu.cores, now.cpu.cores);
  compare("the kernel", before.os.kernel, now.os.kernel);
  compare("the file system", before.disk.fileSystem, now.disk.fileSystem);
  compare("its device", before.disk.device, now.disk.device);
  // A peer that was installed or removed in between is a row that says so.
  for (const [name, version] of Object.entries(before.peers)) {
    if (now.peers[name] !== undefined) compare(name, version, now.peers[name]);
  }
  return changes;
}

function captureGit(): { gitCommit: string | null; gitDirty: boolean | null } {
  const commit = git("rev-parse", "HEAD");
  const changes = commit === null ? null : git("status", "--porcelain", "--untracked-files=no");
  return { gitCommit: commit, gitDirty: changes === null ? null : changes.length > 0 };
}

function git(...args: string[]): string | null {
  try {
    return execFileSync("git", args, {
      cwd: packageRoot(),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}

function captureDisk(folder: string): Environment["disk"] {
  const mount = mountOf(realpathSync(folder));
  const device = mount === null ? null : basename(mount.device);
  return {
    fileSystem: mount?.type ?? null,
    mountOptions: mount?.options ?? null,
    device,
    model: device === null ? null : blockFact(device, "device/model"),
    rotational: device === null ? null : flag(blockFact(device, "queue/rotational")),
    freeBytes: freeBytes(folder),
  };
}

/** The mount with the longest path that holds the folder. */
function mountOf(folder: string): { device: string; type: string; options: string } | null {
  const text = read("/proc/self/mounts");
  if (text === null) return null;
  let best: { device: string; path: string; type: string; options: string } | null = null;
  for (const line of text.split("\n")) {
    const [device, path, type, options] = line.split(" ");
    if (device === undefined || path === undefined || type === undefined || options === undefined) continue;
    const holds = folder === path || folder.startsWith(path === "/" ? "/" : `${path}/`);
    if (holds && (best === null || path.length >= best.path.length)) best = { device, path, type, options };
  }
  return best;
}

function blockFact(device: string, fact: string): string | null {
  const disk = device.replace(/p?\d+$/, "");
  return read(`/sys/block/${device}/${fact}`) ?? read(`/sys/block/${disk}/${fact}`);
}

function flag(text: string | null): boolean | null {
  return text === null ? null : text === "1";
}

function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}
