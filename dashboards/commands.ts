/**
 * The command line of dashboards: yargs command modules for `espalier dashboards …`. Results go to standard
 * output, errors to standard error. Exit codes: 0 fine, 1 the input can't be drawn, 2 wrong use, 3 no such file.
 */

import { stat } from "node:fs/promises";
// For its loading alone: a package that is missing is told before anything is read.
import "vega-lite";
import type { Argv, CommandModule } from "yargs";
import { reportError } from "../src/commands/support/error-report.js";
import { EXIT_FINDINGS } from "../src/commands/support/exit-codes.js";
import { toldToEnd } from "../src/commands/support/interrupt.js";
import {
  buildCharts,
  buildSite,
  type DashboardData,
  DashboardInputError,
  dashboardData,
  type RunDocument,
  readInputs,
  serveDashboards,
  specText,
} from "./index.js";
import { figure } from "./page/format.js";

interface InputArguments {
  results: string[];
  baseline: string | undefined;
  migrations: string[] | undefined;
}

interface BuildArguments extends InputArguments {
  out: string;
  png: boolean;
  json: boolean;
}

/** Options that say what is drawn. */
function inputOptions<T>(
  yargs: Argv<T>,
): Argv<T & { baseline: string | undefined; migrations: string[] | undefined }> {
  return yargs
    .option("baseline", {
      type: "string",
      describe: "The run to compare with; the one before the newest by default",
    })
    .option("migrations", {
      type: "string",
      array: true,
      describe: "Migration reports, or files of their events",
    });
}

async function load({ results, baseline, migrations }: InputArguments): Promise<DashboardData> {
  const inputs = await readInputs([...results, ...(migrations ?? [])]);
  const data = dashboardData(inputs, baseline === undefined ? null : await baselineRun(baseline));
  if (data.run !== null || data.migrations.length > 0) return data;
  throw new DashboardInputError(results.join(", "), "no run of the matrix and no migration report was found");
}

async function baselineRun(path: string): Promise<RunDocument> {
  const run = (await readInputs([path])).runs.at(-1);
  if (run === undefined) throw new DashboardInputError(path, "no run of the matrix was found");
  return run;
}

/** Answers input that can't be drawn with its message and exit code 1; other errors, those of files too, go on. */
async function reporting(json: boolean, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DashboardInputError)) throw error;
    reportError(error, json);
    process.exitCode = EXIT_FINDINGS;
  }
}

const buildCommand: CommandModule<object, BuildArguments> = {
  command: "build <results..>",
  describe: "Write a site: one page that works offline, and every chart as a spec and an image",
  builder: (yargs: Argv<object>) =>
    inputOptions(yargs)
      .positional("results", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "Run documents, migration reports, or folders that hold them",
      })
      .option("out", { type: "string", default: "dashboards-site", describe: "Folder to write" })
      .option("png", { type: "boolean", default: false, describe: "Also PNG images (needs @resvg/resvg-js)" })
      .option("json", { type: "boolean", default: false, describe: "Print what was written as JSON" })
      .example("$0 dashboards build results", "All runs in a folder: the newest is judged")
      .example("$0 dashboards build after.json --baseline before.json", "Two runs, cell by cell")
      .example("$0 dashboards build results --migrations wave.jsonl", "With what migrate run --json printed"),
  handler: (args) =>
    reporting(args.json, async () => {
      const site = await buildSite(await load(args), { out: args.out, png: args.png });
      if (args.json) {
        process.stdout.write(`${JSON.stringify(site, null, 2)}\n`);
        return;
      }
      const images = site.files.filter(({ path }) => path.endsWith(".svg")).length;
      const page = site.files.find(({ path }) => path === "index.html")?.bytes ?? 0;
      for (const warning of site.warnings) process.stderr.write(`warning: ${warning}\n`);
      if (site.empty.length > 0)
        process.stderr.write(`${site.empty.length} charts have nothing to show; the page says why of each\n`);
      process.stdout.write(
        `${args.out}/index.html (${figure(Math.round(page / 1000))} kB), ${images} charts\n`,
      );
    }),
};

const serveCommand: CommandModule<object, Omit<InputArguments, "results"> & { dir: string; port: number }> = {
  command: "serve <dir>",
  describe: "Show a folder of results to this machine; the page reloads when new results land",
  builder: (yargs: Argv<object>) =>
    inputOptions(yargs)
      .positional("dir", {
        type: "string",
        demandOption: true,
        describe: "A folder of run documents, migration reports and event files",
      })
      .option("port", { type: "number", default: 8787, describe: "0 for any that is free" })
      .example("$0 dashboards serve results", "While a matrix or a migration writes there, until Ctrl-C"),
  async handler(args) {
    const inputs = { results: [args.dir], baseline: args.baseline, migrations: args.migrations };
    const watch = [
      args.dir,
      ...(args.migrations ?? []),
      ...(args.baseline === undefined ? [] : [args.baseline]),
    ];
    for (const path of watch) await stat(path); // What is missing now was mistyped, not late.
    const served = await serveDashboards({ watch, port: args.port, load: () => load(inputs) });
    const end = toldToEnd();
    process.stdout.write(`${served.url}  (Ctrl-C ends it)\n`);
    await end;
    await served.close();
  },
};

const specCommand: CommandModule<
  object,
  Omit<InputArguments, "results"> & { name: string; results: string[] | undefined }
> = {
  command: "spec <name> [results..]",
  describe: "Print one chart's Vega-Lite spec, with data when results are given",
  builder: (yargs: Argv<object>) =>
    inputOptions(yargs)
      .positional("name", {
        type: "string",
        demandOption: true,
        describe: "For example throughput-by-interval",
      })
      .positional("results", { type: "string", array: true, describe: "Run documents, reports, or folders" })
      .example("$0 dashboards spec ratio-heatmap results > heatmap.vl.json", "For any Vega-Lite tool"),
  handler: (args) =>
    reporting(false, async () => {
      const results = args.results ?? [];
      const given = results.length + (args.migrations?.length ?? 0) > 0;
      const data = given
        ? await load({ ...args, results })
        : dashboardData({ runs: [], migrations: [], files: [] });
      const charts = buildCharts(data);
      const chart = charts.find(({ name }) => name === args.name);
      if (chart === undefined) {
        process.stderr.write(
          `no chart is called ${args.name}; there are ${charts.map(({ name }) => name).join(", ")}\n`,
        );
        process.exitCode = 2;
        return;
      }
      process.stdout.write(specText(chart));
    }),
};

/** `espalier dashboards …`, for the front door to compose. */
export const dashboardsCommand: CommandModule = {
  command: "dashboards <command>",
  describe: "Pages and charts from results of the matrix and of migrations",
  builder: (yargs: Argv) =>
    yargs.command(buildCommand).command(serveCommand).command(specCommand).demandCommand(1),
  handler: () => {},
};
