/** Serving: to this machine only, anew when results change, and telling of results that can't be read. */

import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DashboardData, dashboardData } from "../../dashboards/data/model.js";
import { readInputs } from "../../dashboards/documents/read.js";
import { type Dashboards, serveDashboards } from "../../dashboards/serve.js";
import { runDocument } from "./support/documents.js";

let folder: string;
let served: Dashboards;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "espalier-serve-"));
  await writeFile(join(folder, "a.json"), JSON.stringify(runDocument({ id: "first-run" })));
  served = await serveDashboards({
    watch: [folder],
    port: 0,
    load: async () => dashboardData(await readInputs([folder])),
  });
});

afterEach(async () => {
  await served.close();
  await rm(folder, { recursive: true, force: true });
});

function statusFor(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(served.url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

/** Resolves with the text of the event stream once it holds `part`. */
async function eventHolding(part: string): Promise<string> {
  const response = await fetch(`${served.url}events`);
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes(part)) break;
  }
  return text;
}

/** The server's first look at the folder may be late on a busy machine: only a later change is one. */
function landAgainAndAgain(name: string, id: string): NodeJS.Timeout {
  const text = JSON.stringify(runDocument({ id, startedAt: "2026-03-01T00:00:00.000Z" }));
  return setInterval(() => writeFileSync(join(folder, name), text), 200);
}

test("listens on this machine only, and answers only to its own names", async () => {
  expect(new URL(served.url).hostname).toBe("127.0.0.1");
  expect(await statusFor(new URL(served.url).host)).toBe(200);
  expect(await statusFor("attacker.example")).toBe(403);
  expect((await fetch(`${served.url}etc/passwd`)).status).toBe(404);
  expect((await fetch(served.url, { method: "POST" })).status).toBe(405);
});

test("the page may connect to its own server, and to nothing else", async () => {
  const page = await (await fetch(served.url)).text();
  expect(page).toContain("first-run");
  expect(page).toContain("connect-src &#39;self&#39;");
});

test("open pages are told when results land, and then get them", async () => {
  await (await fetch(served.url)).text();
  const told = eventHolding("event: changed");
  const landing = landAgainAndAgain("b.json", "second-run");
  expect(await told).toContain("event: changed");
  clearInterval(landing);
  expect(await (await fetch(served.url)).text()).toContain("second-run");
});

test("what a running matrix keeps for itself is nothing new", async () => {
  let told = "";
  const listening = new AbortController();
  const { body } = await fetch(`${served.url}events`, { signal: listening.signal });
  const reading = (async () => {
    for await (const chunk of body ?? []) told += Buffer.from(chunk).toString();
  })().catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const name of ["state", "streams", "work"]) {
    await mkdir(join(folder, "run", name), { recursive: true });
    await writeFile(join(folder, "run", name, "round.json"), "{}");
  }
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(told).not.toContain("changed");
  const landing = landAgainAndAgain("run.json", "its-document");
  await expect.poll(() => told, { timeout: 30_000 }).toContain("event: changed");
  clearInterval(landing);
  listening.abort();
  await reading;
});

test("results that can't be read become a page that says why, escaped", async () => {
  await served.close();
  served = await serveDashboards({
    watch: [folder],
    port: 0,
    load: () => Promise.reject(new Error("<b>broken</b>")),
  });
  const page = await (await fetch(served.url)).text();
  expect(page).toContain("&lt;b&gt;broken");
  expect(page).not.toContain("<b>broken");
});

test("results that can't be drawn become such a page, too, and the server goes on", async () => {
  await served.close();
  let loads = 0;
  served = await serveDashboards({
    watch: [],
    port: 0,
    load: async () => {
      loads++;
      return {} as DashboardData;
    },
  });
  for (let i = 0; i < 2; i++) {
    const page = await (await fetch(served.url, { signal: AbortSignal.timeout(10_000) })).text();
    expect(page).toContain("There is nothing to draw yet");
  }
  expect(loads).toBe(1);
});
