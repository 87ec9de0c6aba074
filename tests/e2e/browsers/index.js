/** The browser that the tests run in: BROWSER names it, Chromium where nothing is said. */

import { Chromium } from "./chromium.js";
import { Firefox } from "./firefox.js";
import { Tab } from "./tab.js";
import { WebKit } from "./webkit.js";

/**
 * What every browser can do, however it is driven.
 * @typedef {object} BrowserDriver
 * @property {(look: Look) => Promise<import("./tab.js").TabDriver>} newTab one that shares nothing with any other
 * @property {() => Promise<void>} stop
 */
/**
 * What the reader has chosen in the system's settings.
 * @typedef {object} Look
 * @property {"light" | "dark"} theme
 * @property {boolean} isReducedMotion
 */

const KINDS = { chromium: Chromium, firefox: Firefox, webkit: WebKit };

export const BROWSER = /** @type {keyof typeof KINDS} */ (process.env["BROWSER"] ?? "chromium");
if (!(BROWSER in KINDS)) throw new Error(`BROWSER is "${BROWSER}", and has to be one of ${Object.keys(KINDS).join(", ")}`);

export class Browser {
  #driver;
  #look;

  /**
   * @param {BrowserDriver} driver
   * @param {Look} look
   */
  constructor(driver, look) {
    this.#driver = driver;
    this.#look = look;
  }

  /** @param {Partial<Look>} [look] */
  static async start({ theme = "light", isReducedMotion = false } = {}) {
    const look = { theme, isReducedMotion };
    return new Browser(await KINDS[BROWSER].start(look), look);
  }

  /** A page that shares nothing with any other, neither storage nor cache. */
  async newPage() {
    return new Tab(await this.#driver.newTab(this.#look));
  }

  async stop() {
    await this.#driver.stop();
  }
}
