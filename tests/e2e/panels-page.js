/** The panels at the side of the page as a person sees them. */

/** @typedef {import("./browsers/tab.js").Tab} Tab */

export class PanelsPage {
  /** @param {Tab} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {"chat" | "models" | "engine" | "appearance"} view */
  async open(view) {
    if (!(await this.isOpen())) await this.#click("settings-button");
    await this.show(view);
  }

  /** @param {"chat" | "models" | "engine" | "appearance"} view of the open panel */
  async show(view) {
    await this.#click(`tab-${view}`);
    await this.page.waitForSelector(`#panel-${view}:not([hidden])`);
  }

  async isOpen() {
    return await this.page.evaluate(() => document.querySelector("#side-panel[open]") !== null);
  }

  async isHelpOpen() {
    return await this.page.evaluate(() => document.querySelector("#help[open]") !== null);
  }

  async facts() {
    return await this.page.$eval("#panel-chat .facts", (list) => list.innerText);
  }

  /**
   * Writes a value and leaves the field.
   * @param {string} name of a parameter, or the id of another field
   * @param {string} value
   */
  async set(name, value) {
    const field = fieldSelector(name);
    await this.page.focus(field);
    await this.page.press("Control+a");
    await this.page.press("Backspace");
    await this.page.type(field, value);
    await this.page.press("Tab");
  }

  /** @param {string} name */
  async value(name) {
    return await this.page.$eval(fieldSelector(name), (field) => /** @type {HTMLInputElement} */ (field).value);
  }

  /** @param {string} name */
  async problem(name) {
    return await this.page.$eval(`#parameter-${name}-error`, (error) => error.textContent);
  }

  /** @param {string} title */
  async unfold(title) {
    await this.page.click((words) => {
      return [...document.querySelectorAll("summary")].find(({ textContent }) => textContent?.includes(words));
    }, title);
  }

  async unfoldAll() {
    await this.page.$$eval("#side-panel details", (groups) => {
      for (const group of groups) group.setAttribute("open", "");
    });
  }

  /** @param {string} words of the line above the panel's last button */
  async says(words) {
    await this.page.waitFor((expected) => document.querySelector(".panel-said")?.textContent?.includes(expected), words);
  }

  /** @param {string} name of a parameter */
  async slider(name) {
    return await this.page.$eval(`#slider-${name}`, (slider) => ({
      value: /** @type {HTMLInputElement} */ (slider).value,
      words: slider.getAttribute("aria-valuetext"),
    }));
  }

  /** @param {string} name of a parameter */
  async help(name) {
    return await this.page.evaluate((id) => {
      const hint = /** @type {HTMLElement} */ (document.getElementById(id));
      return hint.checkVisibility() ? hint.textContent : "";
    }, `parameter-${name}-hint`);
  }

  /**
   * @param {string} selector
   * @returns {Promise<boolean>} whether a click in its middle would hit it
   */
  async isUncovered(selector) {
    return await this.page.evaluate((wanted) => {
      const element = document.querySelector(wanted);
      if (!element) throw new Error(`There is no ${wanted}`);
      const { left, right, top, bottom } = element.getBoundingClientRect();
      const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      return hit !== null && element.contains(hit);
    }, selector);
  }

  async pressedPresets() {
    return await this.page.$$eval('.preset[aria-pressed="true"]', (presets) => presets.map(({ textContent }) => textContent));
  }

  async focused() {
    return await this.page.evaluate(() => document.activeElement?.id);
  }

  /** @param {string} words */
  async engineSays(words) {
    await this.page.waitFor((expected) => document.getElementById("panel-engine")?.textContent?.includes(expected), words);
  }

  async plotWords() {
    return await this.page.$eval("#panel-engine svg", (plot) => plot.getAttribute("aria-label") ?? "");
  }

  /** Counts from now on how often the page asks how the server stands. */
  async watchQuestions() {
    await this.page.evaluate(() => {
      Object.assign(window, { questions: 0 });
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        if (String(data) === '{"type":"status"}') /** @type {any} */ (window).questions += 1;
        send.call(this, data);
      };
    });
  }

  async questionCount() {
    return await this.page.evaluate(() => /** @type {number} */ (/** @type {any} */ (window).questions));
  }

  async appearance() {
    return await this.page.evaluate(() => ({
      ground: getComputedStyle(document.body).backgroundColor,
      size: getComputedStyle(document.documentElement).fontSize,
    }));
  }

  /** @param {number} textSize per cent */
  async setTextSize(textSize) {
    await this.page.evaluate((size) => {
      document.dispatchEvent(new CustomEvent("appearancechange", { detail: { textSize: size } }));
    }, textSize);
  }

  /** Has the page itself press Escape in the panel when the next answer has its first text. */
  async pressEscapeWithFirstText() {
    await this.page.evaluate(() => {
      const transcript = document.getElementById("transcript");
      const observer = new MutationObserver(() => {
        if (!transcript?.querySelector(".answer-text")?.textContent) return;
        observer.disconnect();
        document.getElementById("tab-chat")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
      });
      if (transcript) observer.observe(transcript, { childList: true, subtree: true });
    });
  }

  /** By how many pixels anything in the panel, or a parameter's name, is wider than its room. */
  async overhang() {
    return await this.page.evaluate(() => {
      const shown = [...document.querySelectorAll("#side-panel, .side-panel-view:not([hidden]), .side-panel-view:not([hidden]) :is(.settings-rows, .field-name label)")];
      return Math.max(...shown.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
    });
  }

  /** @param {string} id */
  async #click(id) {
    await this.page.click((wanted) => document.getElementById(wanted), id);
  }
}

/** @param {string} name of a parameter, or the id of another field */
function fieldSelector(name) {
  return `#parameter-${name}, #${name}`;
}
