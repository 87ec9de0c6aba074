/** The panels at the side of the page as a person sees them. */

/** @typedef {import("puppeteer-core").Page} Page */

export class PanelsPage {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {"chat" | "engine" | "appearance"} view */
  async open(view) {
    if (!(await this.isOpen())) await this.page.click("#settings-button");
    await this.page.click(`#tab-${view}`);
    await this.page.waitForSelector(`#panel-${view}:not([hidden])`);
  }

  async isOpen() {
    return (await this.page.$("#side-panel[open]")) !== null;
  }

  async facts() {
    return await this.page.$eval("#panel-chat .facts", (list) => /** @type {HTMLElement} */ (list).innerText);
  }

  /**
   * Writes a value and leaves the field.
   * @param {string} name of a parameter, or the id of another field
   * @param {string} value
   */
  async set(name, value) {
    const field = await this.#field(name);
    await field.focus();
    await this.page.keyboard.down("Control");
    await this.page.keyboard.press("a");
    await this.page.keyboard.up("Control");
    await this.page.keyboard.type(value);
    await this.page.keyboard.press("Tab");
  }

  /** @param {string} name */
  async value(name) {
    return await (await this.#field(name)).evaluate((field) => /** @type {HTMLInputElement} */ (field).value);
  }

  /** @param {string} name */
  async problem(name) {
    return await this.page.$eval(`#parameter-${name}-error`, (error) => error.textContent);
  }

  /** @param {string} title */
  async unfold(title) {
    await this.page.locator(`summary ::-p-text(${title})`).click();
  }

  async unfoldAll() {
    await this.page.$$eval("#side-panel details", (groups) => {
      for (const group of groups) group.open = true;
    });
  }

  async pressedPresets() {
    return await this.page.$$eval('.preset[aria-pressed="true"]', (presets) => presets.map(({ textContent }) => textContent));
  }

  async focused() {
    return await this.page.evaluate(() => document.activeElement?.id);
  }

  /** @param {string} words */
  async engineSays(words) {
    await this.page.waitForFunction(
      (expected) => document.getElementById("panel-engine")?.textContent?.includes(expected) ?? false,
      { polling: "raf" },
      words,
    );
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

  /** By how many pixels anything in the panel is wider than its room. */
  async overhang() {
    return await this.page.evaluate(() => {
      const shown = [...document.querySelectorAll("#side-panel, .side-panel-view:not([hidden])")];
      return Math.max(...shown.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
    });
  }

  /** @param {string} name */
  async #field(name) {
    const field = (await this.page.$(`#parameter-${name}`)) ?? (await this.page.$(`#${name}`));
    if (field) return field;
    throw new Error(`The settings have no field for ${name}`);
  }
}
