/**
 * `espalier metrics`: shows and serves what a program publishes that opened its store with `metricsFile`.
 * The counters live in that program; behind its back there is nothing to read.
 */

import { createServer, type Server, type ServerResponse } from "node:http";
import type { Argv, CommandModule } from "yargs";
import { EspalierError, IoError } from "../base/errors.js";
import { METRICS, type MetricDefinition } from "../metrics/definitions.js";
import {
  escapeLabel,
  type LabelledSource,
  prometheusText,
  TEXT_CONTENT_TYPE,
} from "../metrics/prometheus-text.js";
import { type MetricsSnapshot, readSnapshot } from "../metrics/snapshot-file.js";
import { command, type JsonArgument, withJson } from "./support/command.js";
import { UsageError } from "./support/exit-codes.js";
import { toldToEnd } from "./support/interrupt.js";
import { note, print, printJson, table, writeOut } from "./support/output.js";

interface SnapshotArguments {
  readonly snapshots: string[];
}

interface ServeArguments extends SnapshotArguments {
  readonly port: number;
  readonly host: string;
}

function withSnapshots<A>(yargs: Argv<A>): Argv<A & SnapshotArguments> {
  return yargs.positional("snapshots", {
    type: "string",
    array: true,
    demandOption: true,
    describe: "Files that stores publish: the option metricsFile of open()",
  }) as Argv<A & SnapshotArguments>;
}

const showCommand: CommandModule = command<SnapshotArguments & JsonArgument>({
  command: "show <snapshots..>",
  describe: "Print snapshots in Prometheus' text format",
  builder: (yargs) =>
    withJson(withSnapshots(yargs))
      .example("$0 metrics show /run/app/data.metrics.json", "What a scrape would see")
      .example("$0 metrics show data.metrics.json --json", "The snapshots as they are"),
  handler: async ({ snapshots, json }) => {
    if (json) printJson(snapshots.map((path) => readSnapshot(path)));
    else await writeOut(textOf(snapshots));
  },
});

const serveCommand: CommandModule = command<ServeArguments>({
  command: "serve <snapshots..>",
  describe: "Serve snapshots at http://127.0.0.1:9494/metrics for a Prometheus server",
  builder: (yargs) =>
    withSnapshots(yargs)
      .option("port", { type: "number", default: 9494, describe: "0 takes a free one" })
      .option("host", { type: "string", default: "127.0.0.1", describe: "Address to listen on" })
      .example("$0 metrics serve /run/app/*.metrics.json", "All stores of a program, until Ctrl-C"),
  handler: async (args) => {
    for (const path of args.snapshots) readFigures(path); // What is missing now was mistyped, not late.
    const server = await listen(args);
    const { port } = server.address() as { port: number };
    const end = toldToEnd();
    note(`serving http://${args.host}:${port}/metrics  (Ctrl-C ends it)`);
    await end;
    server.closeAllConnections();
    server.close();
  },
});

function listen({ snapshots, port, host }: ServeArguments): Promise<Server> {
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new UsageError(`--port ${port} is no port`);
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics")
      send(response, 404, "text/plain", "see /metrics\n");
    else answer(response, snapshots);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}

function answer(response: ServerResponse, snapshots: readonly string[]): void {
  try {
    send(response, 200, TEXT_CONTENT_TYPE, textOf(snapshots));
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
    send(response, 503, "text/plain", `${error.message}\n`);
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type }).end(body);
}

const AGE_HEAD = [
  "# HELP espalier_published_timestamp_seconds When the store's figures were published.",
  "# TYPE espalier_published_timestamp_seconds gauge",
];

/** Snapshots as one text; the time of each stands beside its figures, so that a dead publisher shows. */
function textOf(paths: readonly string[]): string {
  const snapshots = latestByStore(paths.map(readFigures));
  const sources: LabelledSource[] = snapshots.map((snapshot) => ({
    store: snapshot.stats.path,
    source: snapshot,
  }));
  const ages = snapshots.map(({ stats, at }) => {
    const store = escapeLabel(stats.path);
    return `espalier_published_timestamp_seconds{store="${store}"} ${at / 1000}`;
  });
  return `${prometheusText(sources)}${[...AGE_HEAD, ...ages].join("\n")}\n`;
}

/** A series that a scrape holds twice makes Prometheus refuse all of it; of one store's snapshots the last one counts. */
function latestByStore(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot[] {
  const latest = new Map<string, MetricsSnapshot>();
  for (const snapshot of snapshots) {
    const held = latest.get(snapshot.stats.path);
    if (held === undefined || held.at < snapshot.at) latest.set(snapshot.stats.path, snapshot);
  }
  return [...latest.values()];
}

/** A snapshot that has every metric. Throws IoError for any other, such as one of an espalier that knew fewer. */
function readFigures(path: string): MetricsSnapshot {
  const snapshot = readSnapshot(path);
  const lacking = METRICS.find((metric) => !isTold(metric, snapshot));
  if (lacking === undefined) return snapshot;
  throw new IoError(path, "read", `it lacks ${lacking.name}: was it published by another version?`);
}

function isTold({ read }: MetricDefinition, snapshot: MetricsSnapshot): boolean {
  try {
    return read(snapshot).every(({ value }) => Number.isFinite(value));
  } catch {
    return false;
  }
}

const listCommand: CommandModule = command<JsonArgument>({
  command: "list",
  describe: "Print every metric with its type and meaning",
  builder: (yargs) => withJson(yargs).example("$0 metrics list", "The names to use in queries"),
  handler: ({ json }) => {
    const rows = METRICS.map(({ name, type, unit, help, meaning }) => ({ name, type, unit, help, meaning }));
    if (json) printJson(rows);
    else
      print(
        table(
          ["name", "type", "help"],
          rows.map(({ name, type, help }) => [name, type, help]),
        ),
      );
  },
});

/** `espalier metrics …`. */
export const metricsCommand: CommandModule = {
  command: "metrics <command>",
  describe: "Show and serve the counters that a running program publishes",
  builder: (yargs: Argv) =>
    yargs
      .command(showCommand)
      .command(serveCommand)
      .command(listCommand)
      .demandCommand(1)
      .example("$0 metrics serve data.metrics.json", "For a Prometheus server on this machine"),
  handler: () => {},
};
