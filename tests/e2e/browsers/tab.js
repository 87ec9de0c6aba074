/** One page of a browser, driven the same way whichever browser it is. Every wait is on a condition, with a deadline. */

/**
 * The little that differs from browser to browser. Expressions run in the page; a promise is waited for.
 * @typedef {object} TabDriver
 * @property {string[]} complaints what the browser complained about, where it can be learnt: errors, warnings, breaches of the
 *   security policy
 * @property {(address: string) => Promise<void>} goto
 * @property {() => Promise<void>} reload
 * @property {(expression: string) => Promise<any>} evaluate its value, which has to be JSON
 * @property {(expression: string) => Promise<unknown>} element the one that the expression gives, or null
 * @property {(element: any) => Promise<void>} click in its middle, with the pointer
 * @property {(text: string) => Promise<void>} type into what has the focus
 * @property {(keys: string[]) => Promise<void>} press together, the last one last
 * @property {(viewport: Viewport) => Promise<void>} setViewport
 * @property {(isOffline: boolean) => Promise<void>} setOffline
 * @property {() => Promise<void>} bringToFront
 * @property {() => Promise<TabDriver>} openBeside an empty one with the same storage
 * @property {() => Promise<Uint8Array>} screenshot as a PNG
 * @property {() => Promise<void>} close
 * @property {() => Promise<void>} closeAll it and all that share its storage
 */
/**
 * @typedef {object} Viewport
 * @property {number} width CSS pixels
 * @property {number} height CSS pixels
 * @property {boolean} [isMobile] where the browser can pretend to be on a phone
 * @property {number} [deviceScaleFactor] where the browser can change it
 */

/** How long anything may take, in milliseconds: a prompt is read on a busy machine meanwhile. */
export const DEADLINE_MS = 150_000;
/** How long the page is left alone with one wait: less than a driver gives a script. */
const SLICE_MS = 5000;
const PAUSE_MS = 50;

export class Tab {
  #driver;

  /** @param {TabDriver} driver */
  constructor(driver) {
    this.#driver = driver;
  }

  get complaints() {
    return this.#driver.complaints;
  }

  /**
   * The page as Puppeteer has it, for what only Chromium can do: the tests in *.chromium.test.js.
   * @returns {import("puppeteer-core").Page}
   */
  get devtools() {
    return /** @type {any} */ (this.#driver).page;
  }

  /** @param {string} address */
  async goto(address) {
    await this.#driver.goto(address);
  }

  async reload() {
    await this.#driver.reload();
  }

  async url() {
    return await this.evaluate(() => location.href);
  }

  async title() {
    return await this.evaluate(() => document.title);
  }

  /**
   * Runs the function in the page. It knows nothing of the test but its arguments.
   * @template T
   * @template {any[]} Args
   * @param {(...args: Args) => T | Promise<T>} run
   * @param {Args} args JSON
   * @returns {Promise<T>}
   */
  async evaluate(run, ...args) {
    return await this.#driver.evaluate(call(run, args));
  }

  /**
   * Runs a script's text in the page, as a script of the page itself would be run.
   * @param {string} script
   */
  async run(script) {
    await this.#driver.evaluate(`(() => {${script}\n})()`);
  }

  /**
   * @template T
   * @template {any[]} Args
   * @param {string} selector
   * @param {(element: HTMLElement, ...args: Args) => T} run
   * @param {Args} args JSON
   * @returns {Promise<T>}
   */
  async $eval(selector, run, ...args) {
    return await this.#driver.evaluate(`(${run})(document.querySelector(${JSON.stringify(selector)}), ...${JSON.stringify(args)})`);
  }

  /**
   * @template T
   * @param {string} selector
   * @param {(elements: HTMLElement[]) => T} run
   * @returns {Promise<T>}
   */
  async $$eval(selector, run) {
    return await this.#driver.evaluate(`(${run})([...document.querySelectorAll(${JSON.stringify(selector)})])`);
  }

  /**
   * Waits until the function gives something true, looking after every change of the page: no state is too short.
   * @template {any[]} Args
   * @param {(...args: Args) => unknown} condition runs in the page
   * @param {Args} args JSON
   */
  async waitFor(condition, ...args) {
    await this.#until(`(${observe})(() => ${call(condition, args)}, ${SLICE_MS})`, condition, args);
  }

  /**
   * Does something in the page again and again, until it gives something true. The page is left alone between two times: what
   * changes the page must not be the condition of `waitFor`, which looks after every change.
   * @template {any[]} Args
   * @param {(...args: Args) => unknown} step runs in the page
   * @param {Args} args JSON
   */
  async repeatUntil(step, ...args) {
    await this.#until(call(step, args), step, args);
  }

  /**
   * @param {string} expression
   * @param {Function} condition
   * @param {any[]} args
   */
  async #until(expression, condition, args) {
    try {
      await eventually(() => this.#driver.evaluate(expression), `${condition} with ${JSON.stringify(args).slice(0, 200)}`);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\nThe page ends with: ${await this.#seen()}`, { cause: error });
    }
  }

  /** The end of what the page and an embedded StreamUI show and of what waits in its outbox, for whoever reads of a failure. */
  async #seen() {
    return await inTime(this.#driver.evaluate(`(${shownAtTheEnd})()`)).catch((error) => `nothing, since ${error}`);
  }

  /**
   * Do something, and wait for a state that soon passes. The page watches for it from before the action on: on a busy
   * machine a wait that begins after the action may come too late.
   * @template {any[]} Args
   * @param {() => Promise<void>} action
   * @param {(...args: Args) => unknown} condition runs in the page
   * @param {Args} args JSON
   */
  async waitDuring(action, condition, ...args) {
    await this.#driver.evaluate(`(${record})(() => ${call(condition, args)})`);
    await action();
    await this.waitFor(() => /** @type {any} */ (globalThis).hasBeenSeen === true);
  }

  /** @param {string} selector */
  async waitForSelector(selector) {
    await this.waitFor((wanted) => document.querySelector(wanted) !== null, selector);
  }

  /**
   * Clicks on an element, again where it moved away under the pointer.
   * @template {any[]} Args
   * @param {(...args: Args) => Element | null | undefined} find runs in the page
   * @param {Args} args JSON
   */
  async click(find, ...args) {
    const found = `(${expectClick})(${call(find, args)})`;
    await eventually(async () => {
      const element = await this.#driver.element(found);
      if (!element) return false;
      await this.#driver.click(element);
      return await this.#driver.evaluate("globalThis.hasBeenClicked === true");
    }, `a click on ${find} with ${JSON.stringify(args)}`);
  }

  /** @param {string} selector */
  async focus(selector) {
    await this.$eval(selector, (element) => element.focus());
  }

  /**
   * @param {string} selector
   * @param {string} text
   */
  async type(selector, text) {
    await this.focus(selector);
    await this.#driver.type(text);
  }

  /** @param {string} keys such as "Enter" or "Shift+Enter", for what has the focus */
  async press(keys) {
    await this.#driver.press(keys.split("+"));
  }

  /** @param {Viewport} viewport */
  async setViewport(viewport) {
    await this.#driver.setViewport(viewport);
  }

  /** @param {boolean} isOffline */
  async setOffline(isOffline) {
    await this.#driver.setOffline(isOffline);
  }

  async bringToFront() {
    await this.#driver.bringToFront();
  }

  async openBeside() {
    return new Tab(await this.#driver.openBeside());
  }

  async screenshot() {
    return await this.#driver.screenshot();
  }

  async close() {
    await this.#driver.close();
  }

  async closeAll() {
    await this.#driver.closeAll();
  }
}

/**
 * @param {Function} run
 * @param {unknown[]} args
 */
function call(run, args) {
  return `(${run})(...${JSON.stringify(args)})`;
}

/**
 * Tries until it is true. A page that is being loaded anew loses what runs in it, which is then run again.
 * @param {() => Promise<unknown>} attempt
 * @param {string} what
 */
async function eventually(attempt, what) {
  const deadline = performance.now() + DEADLINE_MS;
  let reason = "it did not come about";
  do {
    try {
      if (await inTime(attempt())) return;
    } catch (error) {
      reason = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  } while (performance.now() < deadline);
  throw new Error(`Waited ${DEADLINE_MS} ms in vain for ${what}: ${reason}`);
}

/**
 * Gives up on an answer that never comes: Firefox loses a script whose page is replaced at the wrong moment.
 * @template T
 * @param {Promise<T>} answer
 */
async function inTime(answer) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const overdue = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the browser did not answer")), 2 * SLICE_MS);
  });
  try {
    return await Promise.race([answer, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs in the page.
 * @param {() => unknown} condition
 * @param {number} ms
 * @returns {Promise<boolean>} whether it became true in this time
 */
function observe(condition, ms) {
  if (condition()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const check = () => condition() && finish(true);
    const observer = new MutationObserver(check);
    const polling = setInterval(check, 50);
    const overdue = setTimeout(() => finish(false), ms);
    /** @param {boolean} result */
    const finish = (result) => {
      observer.disconnect();
      clearInterval(polling);
      clearTimeout(overdue);
      resolve(result);
    };
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
}

/**
 * Runs in the page: notes in `hasBeenSeen` that the condition was true after some change of the page.
 * @param {() => unknown} condition
 */
function record(condition) {
  const page = /** @type {any} */ (globalThis);
  page.hasBeenSeen = false;
  const observer = new MutationObserver(() => {
    if (!condition()) return;
    page.hasBeenSeen = true;
    observer.disconnect();
  });
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

/**
 * Runs in the page.
 * @param {Element | null | undefined} element
 */
function expectClick(element) {
  const page = /** @type {any} */ (globalThis);
  page.hasBeenClicked = false;
  element?.addEventListener("click", () => (page.hasBeenClicked = true), { once: true, capture: true });
  return element ?? null;
}

/**
 * Runs in the page.
 * @returns {string} JSON: the end of the page's text, the texts of shadow roots, and what the outbox holds
 */
function shownAtTheEnd() {
  const roots = [...document.querySelectorAll("*")].flatMap(({ shadowRoot }) => shadowRoot ?? []);
  const texts = [document.body, ...roots].map((part) => (/** @type {HTMLElement} */ (part).innerText ?? part.textContent ?? "").slice(-600));
  return JSON.stringify([...texts, localStorage.getItem("streamui.outbox.v1")?.slice(0, 600)]);
}
