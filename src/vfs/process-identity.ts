/**
 * Who this thread is, in terms that another process can check, and whether the thread behind such a
 * description is provably gone. Linux answers through /proc; elsewhere only the pid can be asked after,
 * and less is provable.
 */

import * as fs from "node:fs";
import { hostname } from "node:os";
import { threadId } from "node:worker_threads";

/** The pid namespace that a Linux machine starts with; the same number on all. */
const INITIAL_PID_NAMESPACE = "pid:[4026531836]";
const HAS_PID_NAMESPACES: boolean = process.platform === "linux";

/** A thread of a process. Strings are "" and numbers 0 where the host does not tell. */
export interface ProcessIdentity {
  readonly host: string;
  /** Identity of the installation: two machines can have one host name. */
  readonly machine: string;
  /** Changes with each start of the machine. */
  readonly boot: string;
  readonly pidNamespace: string;
  /** Each counts the time since the boot by a clock of its own. */
  readonly timeNamespace: string;
  readonly pid: number;
  /** When the process started, in ticks since the boot: tells it from a later one with its pid. */
  readonly started: number;
  /** worker_threads' number of the thread; 0 is the main thread. */
  readonly thread: number;
  /** The system's number of the thread, and when it started. */
  readonly task: number;
  readonly taskStarted: number;
}

let known: ProcessIdentity | undefined;

/** This thread. Read once; costs a few small reads of /proc. */
export function ownIdentity(): ProcessIdentity {
  known ??= {
    host: hostname(),
    machine: readText("/etc/machine-id"),
    boot: readText("/proc/sys/kernel/random/boot_id"),
    pidNamespace: readLink("/proc/self/ns/pid"),
    timeNamespace: readLink("/proc/self/ns/time"),
    pid: process.pid,
    started: readProcStat("/proc/self/stat")?.started ?? 0,
    thread: threadId,
    task: procHasOwnNumbers() ? Number(/\/task\/(\d+)$/.exec(readLink("/proc/thread-self"))?.[1] ?? 0) : 0,
    taskStarted: readProcStat("/proc/thread-self/stat")?.started ?? 0,
  };
  return known;
}

/**
 * Whether /proc numbers processes as this one's pid namespace does. A namespace that was made without a /proc of
 * its own sees that of another: what stands there under a pid is some other process.
 */
function procHasOwnNumbers(): boolean {
  return readLink("/proc/self") === String(process.pid);
}

/** Whether both are on one machine, as far as can be known. */
export function sameMachine(a: ProcessIdentity, b: ProcessIdentity): boolean {
  if (a.boot !== "" && a.boot === b.boot) return true;
  if (a.host !== b.host) return false;
  // Containers that move between machines keep their host name, and often have no machine id of their own.
  if (a.machine !== "" || b.machine !== "") return a.machine === b.machine;
  return a.pidNamespace === b.pidNamespace && (a.pidNamespace === INITIAL_PID_NAMESPACE || a.boot === "");
}

/** Whether `other` is a thread of this very process, maybe this one. */
export function sameProcess(other: ProcessIdentity): boolean {
  const own = ownIdentity();
  return (
    other.boot === own.boot &&
    other.pidNamespace === own.pidNamespace &&
    other.host === own.host &&
    other.pid === own.pid &&
    other.started === own.started
  );
}

/**
 * "dead" only where it is certain that no thread so described runs any more; "alive" where it is
 * certain that one does; "unknown" across machines and pid namespaces, and of a pid that exists across time
 * namespaces.
 */
export function livenessOf(other: ProcessIdentity): "alive" | "dead" | "unknown" {
  const own = ownIdentity();
  if (!sameMachine(own, other)) return "unknown";
  if (own.boot !== other.boot) return own.boot !== "" && other.boot !== "" ? "dead" : "unknown";
  if (own.pidNamespace !== other.pidNamespace) return "unknown";
  // Where the host has them but shows none (to a program that may not read /proc), a pid says nothing.
  if (own.pidNamespace === "" && HAS_PID_NAMESPACES) return "unknown";
  if (!pidExists(other.pid)) return "dead";
  // Somebody has the pid. Whether it is who had it then, only a /proc tells that is this namespace's, and not hidden.
  const stat = procHasOwnNumbers() ? readProcStat(`/proc/${other.pid}/stat`) : undefined;
  if (stat === undefined || other.started === 0) return "alive";
  if (own.timeNamespace !== other.timeNamespace) return "unknown";
  if (stat.started !== other.started || isGone(other.pid, stat.state)) return "dead";
  return taskIsGone(other) ? "dead" : "alive";
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== "ESRCH";
  }
}

/** A zombie with no thread left runs nothing; it waits for its parent to ask how it ended. */
function isGone(pid: number, state: string): boolean {
  if (state !== "Z" && state !== "X") return false;
  try {
    return fs.readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return false;
  }
}

/** A worker thread that was terminated, in a process that lives on. */
function taskIsGone(other: ProcessIdentity): boolean {
  if (other.task === 0 || other.task === other.pid || other.taskStarted === 0) return false;
  try {
    fs.statSync(`/proc/${other.pid}/task`);
    const stat = readProcStat(`/proc/${other.pid}/task/${other.task}/stat`);
    return stat === undefined || stat.started !== other.taskStarted;
  } catch {
    return false;
  }
}

/** Fields 3 and 22 of a stat file; the name in field 2 may hold spaces and brackets. */
function readProcStat(path: string): { state: string; started: number } | undefined {
  const text = readText(path);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const started = Number(fields[19]);
  return text === "" || !Number.isFinite(started) ? undefined : { state: fields[0] ?? "", started };
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return "";
  }
}
