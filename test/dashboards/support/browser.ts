/**
 * A real Chromium for page tests. Where there is none the tests fail and say what to install: a page that
 * nobody opened is not tested.
 */

import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const QUIET = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the browser. Throws with what to install where there is none. */
export async function startBrowser(): Promise<Browser> {
  const asked = process.env.ESPALIER_CHROMIUM;
  const executablePath = asked ?? PLACES.find((place) => existsSync(place));
  if (executablePath === undefined) {
    throw new Error(
      "The page tests need Chromium: on Debian or Ubuntu `apt-get update && apt-get install -y chromium`, " +
        "or name one in ESPALIER_CHROMIUM.",
    );
  }
  return chromium.launch({ executablePath, args: QUIET });
}

/** A page with the network off, and everything that it complained about or asked the network for. */
export async function offlinePage(
  browser: Browser,
  viewport: { width: number; height: number } = { width: 1280, height: 900 },
): Promise<{ page: Page; complaints: string[]; requests: string[] }> {
  const context = await browser.newContext({ viewport, offline: true, colorScheme: "light" });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) requests.push(request.url());
  });
  return { page, complaints, requests };
}
