/** Runs Chromium, with a profile that is new each time. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

import { START_MS } from "./child.js";
import { ChromiumProfile } from "./chromium-profile.js";
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
  #folder;
  /** @type {ChromiumProfile[]} that no test uses now */
  #unused = [];

  /**
   * @param {import("puppeteer-core").Browser} browser
   * @param {string} folder
   */
  constructor(browser, folder) {
    this.#browser = browser;
    this.#folder = folder;
  }

  /** @param {Look} _look */
  static async start(_look) {
    const folder = await mkdtemp(join(tmpdir(), "streamui-chromium-"));
    try {
      const launched = await puppeteer.launch({
        executablePath: EXECUTABLE,
        userDataDir: folder,
        args: FLAGS,
        timeout: START_MS,
      });
      return new Chromium(launched, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** @param {Look} look */
  async newTab({ theme, isReducedMotion }) {
    const profile = this.#unused.pop() ?? (await ChromiumProfile.open(this.#browser, (cleared) => this.#unused.push(cleared)));
    return await PuppeteerTab.open(profile, async (page) => {
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: theme },
        { name: "prefers-reduced-motion", value: isReducedMotion ? "reduce" : "no-preference" },
      ]);
    });
  }

  async stop() {
    await this.#browser.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
