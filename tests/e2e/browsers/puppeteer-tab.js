/** A page of Chromium or Firefox. */

/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {import("puppeteer-core").KeyInput} KeyInput */
/** @typedef {import("./index.js").Look} Look */
/** @typedef {import("./tab.js").TabDriver} TabDriver */
/** @typedef {import("./tab.js").Viewport} Viewport */

import { DEADLINE_MS } from "./tab.js";

/** Errors of requests that ended because the page was left or has cancelled them. */
const CANCELLED = new Set(["net::ERR_ABORTED", "NS_BINDING_ABORTED"]);

/**
 * Pages that share storage.
 * @typedef {object} PageContext
 * @property {() => Promise<Page>} newPage
 * @property {() => Promise<void>} close all pages, and remove what they stored
 */

/** @implements {TabDriver} */
export class PuppeteerTab {
  /** @type {string[]} */
  complaints = [];
  #context;
  #prepare;

  /**
   * @param {PageContext} context
   * @param {Page} page
   * @param {(page: Page) => Promise<void>} prepare what is done to each new page
   */
  constructor(context, page, prepare) {
    this.#context = context;
    this.page = page;
    this.#prepare = prepare;
    page.setDefaultTimeout(DEADLINE_MS);
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("requestfailed", (request) => {
      const { errorText = "" } = request.failure() ?? {};
      if (!CANCELLED.has(errorText)) this.complaints.push(`${request.url()} ${errorText}`);
    });
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warn") this.complaints.push(message.text());
    });
  }

  /**
   * @param {PageContext} context
   * @param {(page: Page) => Promise<void>} prepare
   */
  static async open(context, prepare) {
    const page = await context.newPage();
    await prepare(page);
    return new PuppeteerTab(context, page, prepare);
  }

  /** @param {string} address */
  async goto(address) {
    await this.page.goto(address);
  }

  async reload() {
    await this.page.reload();
  }

  /** @param {string} expression */
  async evaluate(expression) {
    return await this.page.evaluate(expression);
  }

  /** @param {string} expression */
  async element(expression) {
    return (await this.page.evaluateHandle(expression)).asElement();
  }

  /** @param {import("puppeteer-core").ElementHandle<Element>} element */
  async click(element) {
    await element.click();
  }

  /** @param {string} text */
  async type(text) {
    await this.page.keyboard.type(text);
  }

  /** @param {string[]} keys */
  async press(keys) {
    const held = /** @type {KeyInput[]} */ (keys.slice(0, -1));
    for (const key of held) await this.page.keyboard.down(key);
    await this.page.keyboard.press(/** @type {KeyInput} */ (keys.at(-1)));
    for (const key of held.reverse()) await this.page.keyboard.up(key);
  }

  /** @param {Viewport} viewport */
  async setViewport({ isMobile = false, ...size }) {
    await this.page.setViewport({ ...size, isMobile, hasTouch: isMobile });
  }

  /** @param {boolean} isOffline */
  async setOffline(isOffline) {
    await this.page.setOfflineMode(isOffline);
  }

  async bringToFront() {
    await this.page.bringToFront();
  }

  async openBeside() {
    return await PuppeteerTab.open(this.#context, this.#prepare);
  }

  async screenshot() {
    return await this.page.screenshot();
  }

  async close() {
    await this.page.close();
  }

  async closeAll() {
    await this.#context.close();
  }
}
