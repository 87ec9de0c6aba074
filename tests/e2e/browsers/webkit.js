/**
 * Runs WebKitGTK, as a web page's browser that is driven over WebDriver, on a display that nobody sees. A driver has only
 * one browser and a browser only one storage, so each page that shares nothing has all three for itself.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Child } from "./child.js";
import { WebDriver } from "./webdriver.js";
import { WebKitTab } from "./webkit-tab.js";

/** @typedef {import("./index.js").Look} Look */

const DRIVER = process.env["WEBKIT_DRIVER"] ?? "/usr/bin/WebKitWebDriver";
const BROWSER = process.env["WEBKIT"] ?? `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/webkit2gtk-4.1/MiniBrowser`;
const SCREEN = ["-screen", "0", "1600x1400x24", "-nolisten", "tcp"];
/** The browser's own toolbar, which else makes the window wider than a phone. */
const NARROW_TOOLBAR = `
* { min-width: 0; min-height: 0; padding: 0; margin: 0; border-width: 0; font-size: 1px; -gtk-icon-source: none; }
`;

export class WebKit {
  /** @type {WebKitTab[]} */
  #tabs = [];

  static async start() {
    return new WebKit();
  }

  /** @param {Look} look */
  async newTab(look) {
    const home = await mkdtemp(join(tmpdir(), "streamui-webkit-"));
    /** @type {Child[]} */
    const children = [];
    const closeAll = async () => {
      for (const child of children.splice(0).reverse()) await child.stop();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    };
    try {
      await writeSettings(home, look);
      const display = Child.start("Xvfb", ["-displayfd", "3", ...SCREEN]);
      children.push(display);
      const environment = { DISPLAY: `:${await display.number}`, XDG_CONFIG_HOME: home, HOME: home, GDK_BACKEND: "x11" };
      const driver = await WebDriver.start(DRIVER, environment, (child) => children.push(child));
      const args = ["--automation"];
      if (look.theme === "dark") args.push("--dark-mode");
      const window = await driver.open({ "webkitgtk:browserOptions": { binary: BROWSER, args } });
      const tab = new WebKitTab(driver, window, closeAll);
      this.#tabs.push(tab);
      return tab;
    } catch (error) {
      await closeAll();
      throw error;
    }
  }

  async stop() {
    for (const tab of this.#tabs) await tab.closeAll();
  }
}

/**
 * @param {string} home
 * @param {Look} look
 */
async function writeSettings(home, { isReducedMotion }) {
  const folder = join(home, "gtk-3.0");
  await mkdir(folder);
  await writeFile(join(folder, "settings.ini"), `[Settings]\ngtk-enable-animations=${Number(!isReducedMotion)}\n`);
  await writeFile(join(folder, "gtk.css"), NARROW_TOOLBAR);
}
