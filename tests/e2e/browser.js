/** Runs Chromium for the browser tests, with a profile that is new each time. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

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

export class Browser {
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

  static async start() {
    const profile = await mkdtemp(join(tmpdir(), "streamui-chromium-"));
    try {
      const launched = await puppeteer.launch({ executablePath: EXECUTABLE, userDataDir: profile, args: FLAGS });
      return new Browser(launched, profile);
    } catch (error) {
      await rm(profile, { recursive: true, force: true });
      throw error;
    }
  }

  /** A page that shares nothing with any other, neither storage nor cache. */
  async newPage() {
    const context = await this.#browser.createBrowserContext();
    return await context.newPage();
  }

  async stop() {
    await this.#browser.close();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
