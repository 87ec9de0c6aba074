/** Runs Chromium, with a profile that is new each time. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

import { START_MS } from "./child.js";
import { PuppeteerTab } from "./puppeteer-tab.js";

/** @typedef {import("./index.js").Look} Look */

const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export class Chromium {
  #browser;
  #profile;

  /**
   * @param {import("puppeteer-core").Browser} browser
   * @param {string} profile
   */
  constructor(browser, profile) {
    this.#browser = browser;
    this.#profile = profile;
  }

  /** @param {Look} _look */
  static async start(_look) {
    const profile = await mkdtemp(join(tmpdir(), "streamui-chromium-"));
    try {
      const launched = await puppeteer.launch({
        executablePath: EXECUTABLE,
        userDataDir: profile,
        args: FLAGS,
        timeout: START_MS,
      });
      return new Chromium(launched, profile);
    } catch (error) {
      await rm(profile, { recursive: true, force: true });
      throw error;
    }
  }

  /** @param {Look} look */
  async newTab({ theme, isReducedMotion }) {
    return await PuppeteerTab.open(await this.#browser.createBrowserContext(), async (page) => {
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: theme },
        { name: "prefers-reduced-motion", value: isReducedMotion ? "reduce" : "no-preference" },
      ]);
    });
  }

  async stop() {
    await this.#browser.close();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
