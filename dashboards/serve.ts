/**
 * Serves a dashboard of a folder of results to this machine only, and tells open pages to reload when the
 * results change. The folder is looked at every second: watching by events misses files on some systems.
 */

import { stat } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { DashboardData } from "./data/model.js";
import { resultFiles } from "./documents/read.js";
import { html } from "./page/html.js";
import { RELOAD_SCRIPT } from "./page/script.js";
import { pageHtml } from "./page/shell.js";

/** The only address that is listened on. */
export const HOST = "127.0.0.1";

const LOOK_MS = 1000;

/** What is served, and where. */
export interface ServeOptions {
  /** Folders and files whose changes matter. */
  readonly watch: readonly string[];
  /** 0 for any that is free. */
  readonly port: number;
  /** Reads the results anew; called at each change. */
  readonly load: () => Promise<DashboardData>;
}

/** A server that runs. */
export interface Dashboards {
  readonly url: string;
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

/** Starts to serve. Throws when the port is taken. Results that can't be read become a page that says so. */
export async function serveDashboards(options: ServeOptions): Promise<Dashboards> {
  const listeners = new Set<ServerResponse>();
  let page: Promise<string> | null = null;
  const server = createServer((request, response) => {
    const host = request.headers.host ?? "";
    // A page of another site could have its own name point here; it must not read the results.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return plain(response, 403, "wrong host");
    if (request.method !== "GET" && request.method !== "HEAD") return plain(response, 405, "only GET");
    const path = (request.url ?? "/").split("?")[0];
    if (path === "/events") return addListener(response, listeners);
    if (path !== "/" && path !== "/index.html") return plain(response, 404, "there is only /");
    page ??= options
      .load()
      .then((data) => pageHtml(data, { live: true }))
      .catch((error: unknown) => errorPage(error));
    void page.then((text) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : text);
    });
  });
  await listen(server, options.port);
  const watcher = watchForChanges(options.watch, () => {
    page = null;
    for (const listener of listeners) listener.write("event: changed\ndata: \n\n");
  });
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/`,
    async close() {
      watcher.stop();
      for (const listener of listeners) listener.end();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, () => resolve());
  });
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

function addListener(response: ServerResponse, listeners: Set<ServerResponse>): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": open\n\n");
  listeners.add(response);
  response.on("close", () => listeners.delete(response));
}

/** Reloads too: results that are being written may be readable a moment later. */
function errorPage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return html`<!doctype html><meta charset="utf-8"><title>espalier</title>
<h1>There is nothing to draw yet</h1><pre>${message}</pre><p>This page reloads when the results change.</p>`.text.concat(
    `<script>${RELOAD_SCRIPT}</script>`,
  );
}

/** Calls `changed` when result files below the paths are added, removed or rewritten. */
function watchForChanges(paths: readonly string[], changed: () => void): { stop(): void } {
  let seen: string | null = null;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const now = (await Promise.all(paths.map(fingerprint))).join("\n");
    if (seen !== null && now !== seen && !stopped) changed();
    seen = now;
    if (!stopped) timer = setTimeout(() => void look(), LOOK_MS);
  };
  void look();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Names, sizes and times of the result files at a path. What vanishes meanwhile counts as absent. */
async function fingerprint(path: string): Promise<string> {
  try {
    const facts = (await resultFiles(path)).map(async (file) => {
      const { size, mtimeMs } = await stat(file);
      return `${file} ${size} ${mtimeMs}`;
    });
    return (await Promise.all(facts)).join("\n");
  } catch {
    return "";
  }
}
