/** Storage that one test after the other uses: a browser context of Chromium, emptied whenever the pages in it are closed. */

/** @typedef {import("puppeteer-core").Browser} Browser */
/** @typedef {import("puppeteer-core").BrowserContext} BrowserContext */
/** @typedef {import("puppeteer-core").CDPSession} CDPSession */
/** @typedef {import("puppeteer-core").Page} Page */

/**
 * A new context opens a window, which costs Chromium as much CPU as a page of ours. So a context is used again, and one empty page
 * keeps its window open.
 */
export class ChromiumProfile {
  #context;
  #keeper;
  #devtools;
  #onCleared;

  /**
   * @param {BrowserContext} context
   * @param {Page} keeper page that keeps the window open
   * @param {CDPSession} devtools of the keeper
   * @param {(profile: ChromiumProfile) => void} onCleared
   */
  constructor(context, keeper, devtools, onCleared) {
    this.#context = context;
    this.#keeper = keeper;
    this.#devtools = devtools;
    this.#onCleared = onCleared;
  }

  /**
   * @param {Browser} browser
   * @param {(profile: ChromiumProfile) => void} onCleared called whenever nothing is left in it, and it can be used again
   */
  static async open(browser, onCleared) {
    const context = await browser.createBrowserContext();
    const keeper = await context.newPage();
    return new ChromiumProfile(context, keeper, await keeper.createCDPSession(), onCleared);
  }

  async newPage() {
    return await this.#context.newPage();
  }

  /** Close all pages, and remove everything that they stored. */
  async close() {
    const pages = await this.#context.pages();
    await Promise.all(pages.filter((page) => page !== this.#keeper).map((page) => page.close()));
    await this.#devtools.send("Storage.clearDataForOrigin", { origin: "*", storageTypes: "all" });
    await this.#devtools.send("Network.clearBrowserCache");
    await this.#context.clearPermissionOverrides();
    this.#onCleared(this);
  }
}
