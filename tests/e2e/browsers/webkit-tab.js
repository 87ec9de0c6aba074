/** A window of WebKitGTK's browser. */

import { elementId, elementReference, keyCode } from "./webdriver.js";

/** @typedef {import("./tab.js").TabDriver} TabDriver */
/** @typedef {import("./tab.js").Viewport} Viewport */
/** @typedef {import("./webdriver.js").WebDriver} WebDriver */

/** @implements {TabDriver} */
export class WebKitTab {
  /** @type {string[]} always empty: WebKitGTK's WebDriver does not tell what the browser complains about */
  complaints = [];
  #driver;
  #window;
  #closeAll;

  /**
   * @param {WebDriver} driver
   * @param {string} window
   * @param {() => Promise<void>} closeAll
   */
  constructor(driver, window, closeAll) {
    this.#driver = driver;
    this.#window = window;
    this.#closeAll = closeAll;
  }

  /** @param {string} url */
  async goto(url) {
    await this.#command("POST", "/url", { url });
  }

  async reload() {
    await this.#command("POST", "/refresh");
  }

  /** @param {string} expression */
  async evaluate(expression) {
    const { value, error } = await this.#run(`const run = async () => (${expression});`);
    if (error) throw new Error(error);
    return value;
  }

  /** @param {string} expression */
  async element(expression) {
    const { value } = await this.#run(`const run = () => (${expression});`);
    return elementId(value);
  }

  /**
   * Scrolls to what the driver, now and then, says that it can't reach; the next attempt finds it in view.
   * @param {string} element
   */
  async click(element) {
    try {
      await this.#command("POST", `/element/${element}/click`);
    } catch (error) {
      if (!String(error).includes("element not interactable")) throw error;
      const script = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' });";
      await this.#command("POST", "/execute/sync", { script, args: [elementReference(element)] });
      throw error;
    }
  }

  /** @param {string} text */
  async type(text) {
    const element = elementId(await this.#command("GET", "/element/active"));
    await this.#command("POST", `/element/${element}/value`, { text });
  }

  /** @param {string[]} keys */
  async press(keys) {
    const codes = keys.map(keyCode);
    const down = codes.map((value) => ({ type: "keyDown", value }));
    const up = codes.reverse().map((value) => ({ type: "keyUp", value }));
    await this.#command("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions: [...down, ...up] }] });
  }

  /**
   * Returns when the page has had frames of that size: its media queries are asked anew in a frame, and not before.
   * @param {Viewport} viewport
   */
  async setViewport({ width, height }) {
    const [outer, inner] = await this.evaluate("[outerHeight, innerHeight]");
    await this.#command("POST", "/window/rect", { width, height: height + outer - inner });
    await this.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(() => seen(true))))");
  }

  /**
   * Tells the page so: WebDriver has no means to take the network away.
   * @param {boolean} isOffline
   */
  async setOffline(isOffline) {
    await this.evaluate(`(${pretend})(${isOffline})`);
  }

  async bringToFront() {}

  async openBeside() {
    return new WebKitTab(this.#driver, await this.#driver.newWindow(), this.#closeAll);
  }

  async screenshot() {
    return Buffer.from(await this.#command("GET", "/screenshot"), "base64");
  }

  async close() {
    await this.#command("DELETE", "/window");
  }

  async closeAll() {
    await this.#closeAll();
  }

  /**
   * @param {"GET" | "POST" | "DELETE"} method
   * @param {string} path
   * @param {object} [body]
   */
  async #command(method, path, body) {
    return await this.#driver.command(this.#window, method, path, body);
  }

  /** @param {string} definition of a function `run` */
  async #run(definition) {
    const script = `${definition} const [answer] = arguments;
      Promise.resolve().then(run).then((value) => answer({ value }), (error) => answer({ error: String(error) }));`;
    return await this.#command("POST", "/execute/async", { script, args: [] });
  }
}

/**
 * Runs in the page.
 * @param {boolean} isOffline
 */
function pretend(isOffline) {
  Object.defineProperty(navigator, "onLine", { configurable: true, get: () => !isOffline });
  dispatchEvent(new Event(isOffline ? "offline" : "online"));
}
