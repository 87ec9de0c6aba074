/** As much of a WebDriver client as the tests need: https://www.w3.org/TR/webdriver2/. */

import { once } from "node:events";
import { createServer } from "node:net";

import { Child } from "./child.js";
import { DEADLINE_MS } from "./tab.js";

/** What the standard calls an element in JSON. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
/** How often to look for a port that nobody else takes meanwhile. */
const ATTEMPTS = 5;
const KEYS = new Map([
  ["Enter", "\uE007"],
  ["Escape", "\uE00C"],
  ["Tab", "\uE004"],
  ["Shift", "\uE008"],
  ["Control", "\uE009"],
  ["Alt", "\uE00A"],
  ["Meta", "\uE03D"],
  ["Backspace", "\uE003"],
  ["Delete", "\uE017"],
  ["End", "\uE010"],
  ["Home", "\uE011"],
  ["ArrowLeft", "\uE012"],
  ["ArrowUp", "\uE013"],
  ["ArrowRight", "\uE014"],
  ["ArrowDown", "\uE015"],
  ["PageUp", "\uE00E"],
  ["PageDown", "\uE00F"],
  ["Space", " "],
]);

export class WebDriver {
  #child;
  #address;
  #session = "";
  /** @type {string} the window that takes the commands */
  #window = "";
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @param {Child} child
   * @param {number} port
   */
  constructor(child, port) {
    this.#child = child;
    this.#address = `http://127.0.0.1:${port}`;
  }

  /**
   * @param {string} command
   * @param {Record<string, string>} environment
   * @param {(child: Child) => void} started
   */
  static async start(command, environment, started) {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const child = Child.start(command, [`--port=${port}`], environment);
      started(child);
      const driver = new WebDriver(child, port);
      try {
        await driver.#ready();
        return driver;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** @param {object} capabilities */
  async open(capabilities) {
    const { sessionId } = await this.#request("POST", "/session", { capabilities: { alwaysMatch: capabilities } });
    this.#session = `/session/${sessionId}`;
    this.#window = await this.#request("GET", `${this.#session}/window`);
    await this.#request("POST", `${this.#session}/timeouts`, { script: DEADLINE_MS, pageLoad: DEADLINE_MS });
    return this.#window;
  }

  /** Ends the browser. */
  async close() {
    await this.#request("DELETE", this.#session);
  }

  /** @returns {Promise<string>} a new window with the same storage */
  async newWindow() {
    const { handle } = await this.#request("POST", `${this.#session}/window/new`, { type: "window" });
    return handle;
  }

  /**
   * Sends a command to a window; one after the other, since a driver has one present window.
   * @param {string} window
   * @param {"GET" | "POST" | "DELETE"} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  command(window, method, path, body) {
    const sent = this.#last.then(async () => {
      if (window !== this.#window) await this.#request("POST", `${this.#session}/window`, { handle: window });
      this.#window = window;
      return await this.#request(method, `${this.#session}${path}`, body);
    });
    this.#last = sent.catch(() => {});
    return sent;
  }

  async #ready() {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      try {
        return await Promise.race([this.#request("GET", "/status"), this.#child.failed]);
      } catch (error) {
        if (performance.now() > deadline || !(error instanceof TypeError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async #request(method, path, body) {
    const text = method === "POST" ? JSON.stringify(body ?? {}) : undefined;
    const response = await fetch(this.#address + path, { method, body: text });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`WebDriver ${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }
}

/** @param {string} key by the name that a KeyboardEvent has for it */
export function keyCode(key) {
  const code = KEYS.get(key) ?? key;
  if ([...code].length !== 1) throw new Error(`The WebDriver client knows no key "${key}"`);
  return code;
}

/** @param {any} value */
export function elementId(value) {
  return value?.[ELEMENT] ?? null;
}

/** @param {string} id */
export function elementReference(id) {
  return { [ELEMENT]: id };
}

/** A port that was free a moment ago. */
async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (listener.address());
  listener.close();
  await once(listener, "close");
  return port;
}
