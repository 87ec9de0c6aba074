/** Runs Firefox, over WebDriver BiDi, with a profile that is new each time. */

import puppeteer from "puppeteer-core";

import { START_MS } from "./child.js";
import { PuppeteerTab } from "./puppeteer-tab.js";

/** @typedef {import("./index.js").Look} Look */

const EXECUTABLE = process.env["FIREFOX"] ?? "/usr/bin/firefox-esr";

export class Firefox {
  #browser;

  /** @param {import("puppeteer-core").Browser} browser */
  constructor(browser) {
    this.#browser = browser;
  }

  /** @param {Look} look */
  static async start({ theme, isReducedMotion }) {
    const extraPrefsFirefox = {
      "layout.css.prefers-color-scheme.content-override": theme === "dark" ? 0 : 1,
      "ui.prefersReducedMotion": isReducedMotion ? 1 : 0,
    };
    const options = { executablePath: EXECUTABLE, extraPrefsFirefox, timeout: START_MS };
    return new Firefox(await puppeteer.launch({ browser: "firefox", ...options }));
  }

  async newTab() {
    return await PuppeteerTab.open(await this.#browser.createBrowserContext(), async () => {});
  }

  async stop() {
    await this.#browser.close();
  }
}
