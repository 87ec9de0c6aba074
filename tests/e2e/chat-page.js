/** The page as a person sees it, in whichever browser. Every wait is on a condition and has a deadline. */

/** @typedef {import("./browsers/tab.js").Tab} Tab */

/** Pattern of the last line of an answer that nobody stopped: a sampled one may also reach a limit. */
export const ENDS_BY_ITSELF = "^(Done|Stopped at|Context full)";

export class ChatPage {
  /** @param {Tab} page */
  constructor(page) {
    this.page = page;
  }

  /** What the browser complained about: errors, warnings, breaches of the security policy. */
  get complaints() {
    return this.page.complaints;
  }

  /** @param {string} address */
  async open(address) {
    await this.page.goto(address);
    await this.connected();
  }

  async connected() {
    await this.page.waitForSelector('#connection[data-state="connected"]');
  }

  /** @param {string} words */
  async connectionSays(words) {
    await this.page.waitFor((expected) => {
      return document.getElementById("connection-text")?.textContent?.includes(expected) ?? false;
    }, words);
  }

  async connectionWords() {
    return await this.page.$eval("#connection-text", (element) => element.textContent);
  }

  /** @param {string} text */
  async write(text) {
    await this.page.type("#composer-input", text);
  }

  /** @param {string} text */
  async ask(text) {
    await this.write(text);
    await this.send();
  }

  /** Sends or queues what is written: on a touch device Enter starts a new line, and Ctrl+Enter may steer. */
  async send() {
    const key = await this.page.$eval("#composer-input", (input) => input.enterKeyHint);
    if (key === "send") await this.page.press("Enter");
    else await this.page.click(() => document.querySelector("#composer button[type=submit]:not([disabled])"));
  }

  /**
   * Asks and waits for the whole answer.
   * @param {string} text
   */
  async answered(text) {
    const before = (await this.answers()).length;
    await this.ask(text);
    await this.page.waitFor((count) => document.querySelectorAll(".answer-text").length > count, before);
    await this.isIdle();
    await this.isAnswered();
  }

  /**
   * Puts a long text into the composer at once, as pasting does.
   * @param {string} text
   */
  async paste(text) {
    await this.page.focus("#composer-input");
    await this.page.evaluate((pasted) => document.execCommand("insertText", false, pasted), text);
  }

  /**
   * Puts a text into the composer that is too long to be pasted in a moment, or into another field.
   * @param {string} text
   * @param {string} [field]
   */
  async fill(text, field = "#composer-input") {
    await this.page.$eval(field, (input, filled) => {
      /** @type {HTMLTextAreaElement} */ (input).value = filled;
      input.dispatchEvent(new Event("input"));
    }, text);
  }

  /** @param {string} label of a button */
  async press(label) {
    await this.page.click((name) => {
      const buttons = [...document.querySelectorAll("button")].filter((button) => button.checkVisibility({ visibilityProperty: true }));
      return buttons.find((button) => (button.ariaLabel ?? button.textContent?.trim()) === name);
    }, label);
  }

  /** Opens the list of models. */
  async openModels() {
    await this.page.click(() => document.getElementById("model-picker"));
    await this.page.waitFor(() => document.activeElement?.matches(".chooser-field, .chooser"));
  }

  /** @param {string} words of the button that opens the list of models */
  async modelSays(words) {
    await this.page.waitFor((expected) => document.getElementById("model-picker-name")?.textContent === expected, words);
  }

  /** @param {number} length */
  async lastAnswerIsLongerThan(length) {
    await this.page.waitFor((least) => {
      const answers = document.querySelectorAll(".answer-text");
      return (answers[answers.length - 1]?.textContent?.length ?? 0) > least;
    }, length);
  }

  /** @param {string} words */
  async lastStatusSays(words) {
    await this.page.waitFor((expected) => {
      const lines = document.querySelectorAll(".status-text");
      return lines[lines.length - 1]?.textContent?.includes(expected) ?? false;
    }, words);
  }

  /** The answer has ended by itself, and is there to its end. */
  async isAnswered() {
    await this.page.waitFor((ends) => {
      const lines = document.querySelectorAll(".status-text");
      return new RegExp(ends).test(lines[lines.length - 1]?.textContent ?? "");
    }, ENDS_BY_ITSELF);
  }

  /** Nothing is being written, and what was is there to its end: the button says so first, then the last line of text. */
  async isIdle() {
    await this.page.waitFor(() => {
      const statuses = document.querySelectorAll(".status");
      const isBusy = statuses[statuses.length - 1]?.getAttribute("data-tone") === "busy";
      return document.getElementById("composer")?.dataset["mode"] === "idle" && !isBusy;
    });
  }

  /** Loads the page anew, as a person may in the middle of an answer. */
  async reload() {
    await this.page.reload();
    await this.connected();
  }

  /** Another page of the same browser, with the same storage. */
  async openBeside() {
    const other = new ChatPage(await this.page.openBeside());
    await other.open(await this.page.url());
    return other;
  }

  /** Closes it and all that were opened beside it. */
  async leave() {
    await this.page.closeAll();
  }

  /** @returns {Promise<any>} the open conversation as the server has it */
  async document() {
    const address = new URL(await this.page.url());
    const response = await fetch(new URL(`/api/conversations/${address.pathname.replace("/c/", "")}`, address));
    return await response.json();
  }

  /** @returns {Promise<string[]>} the generations of the conversation's answers */
  async generations() {
    const { messages } = await this.document();
    return messages.flatMap((/** @type {any} */ { generation }) => generation ?? []);
  }

  async answers() {
    return await this.page.$$eval(".answer-text", (elements) => elements.map((element) => element.textContent ?? ""));
  }

  /**
   * @param {string} text
   * @returns {Promise<string>} what the page shows of an answer with that text
   */
  async rendered(text) {
    return await this.page.evaluate(async (markdown) => {
      const address = "/static/rendering/markdown-text.js";
      const { MarkdownText } = await import(address);
      const element = document.createElement("div");
      const shown = new MarkdownText(element);
      shown.append(markdown);
      shown.finish();
      return element.textContent ?? "";
    }, text);
  }

  async lastAnswer() {
    return (await this.answers()).at(-1) ?? "";
  }

  async statuses() {
    return await this.page.$$eval(".status-text", (elements) => elements.map((element) => element.textContent ?? ""));
  }

  /** @param {number} count */
  async hasAnswers(count) {
    await this.page.waitFor((expected) => document.querySelectorAll(".answer-text").length === expected, count);
  }

  /** The list of conversations has been read. */
  async listIsThere() {
    await this.page.waitFor(() => document.getElementById("conversations-words")?.textContent !== "Loading…");
    await this.page.waitFor(() => document.querySelector(".row, #conversations-words:not([hidden])") !== null);
  }

  /** @returns {Promise<string[]>} the titles in the list of conversations */
  async listed() {
    return await this.page.$$eval(".row-title", (titles) => titles.map((title) => title.textContent ?? ""));
  }

  /** @param {string} title */
  async listSays(title) {
    await this.page.waitFor((expected) => {
      return [...document.querySelectorAll(".row-title")].some((each) => each.textContent === expected);
    }, title);
  }

  /** @param {string} title */
  async listDoesNotSay(title) {
    await this.page.waitFor((expected) => {
      return [...document.querySelectorAll(".row-title")].every((each) => each.textContent !== expected);
    }, title);
  }

  /** @param {string} title */
  async openListed(title) {
    await this.page.click((wanted) => {
      return [...document.querySelectorAll(".row-link")].find((link) => link.querySelector(".row-title")?.textContent === wanted);
    }, title);
  }

  /**
   * @param {string} title
   * @param {string} item
   */
  async chooseListed(title, item) {
    await this.press(`Options for ${title}`);
    await this.press(item);
  }

  /**
   * Presses a button of the last message.
   * @param {string} label
   */
  async pressLast(label) {
    await this.page.click((name) => document.querySelector(`.message:last-child button[aria-label="${name}"]`), label);
  }

  /**
   * Chooses from the menu of the last message.
   * @param {string} item
   */
  async chooseLast(item) {
    await this.pressLast("More actions");
    await this.press(item);
  }

  /** @param {string} place such as 2/3, of the first message that has several versions */
  async branchesSay(place) {
    await this.page.waitFor((expected) => document.querySelector(".branch-place")?.textContent === expected, place);
  }

  /** @param {string[]} questions */
  async questionsAre(questions) {
    await this.page.waitFor((expected) => {
      return JSON.stringify([...document.querySelectorAll(".prompt-text")].map(({ textContent }) => textContent)) === expected;
    }, JSON.stringify(questions));
  }

  /**
   * Waits until the keyboard leads to an element. `:focus` would ask for the window's focus too, which one without a window manager has
   * only under the pointer.
   * @param {string} selector
   */
  async hasFocus(selector) {
    await this.page.waitFor((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
  }

  async draft() {
    return await this.page.$eval("#composer-input", (input) => /** @type {HTMLTextAreaElement} */ (input).value);
  }

  /** Keep the page's notices from passing, as a pointer above them does. */
  async keepToasts() {
    await this.page.$eval("#toasts", (region) => {
      const keep = () => region.querySelectorAll(".toast").forEach((toast) => toast.dispatchEvent(new Event("pointerenter")));
      new MutationObserver(keep).observe(region, { childList: true });
    });
  }

  /** @returns {Promise<string[]>} what is read out now */
  async announcements() {
    return await this.page.$$eval("#announcer p", (elements) => elements.map((element) => element.textContent ?? ""));
  }

  /** By how many pixels the page is wider than its window. */
  async overhang() {
    return await this.page.evaluate(() => {
      const elements = [...document.querySelectorAll("html, #viewport")];
      return Math.max(...elements.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
    });
  }

  /** Has the page note each length of the last answer that is painted, in `paintedLengths`. */
  async watchGrowth() {
    await this.page.evaluate(() => {
      const lengths = /** @type {number[]} */ ([]);
      const note = () => {
        const answers = document.querySelectorAll(".answer-text");
        const length = answers[answers.length - 1]?.textContent?.length ?? 0;
        if (length > (lengths.at(-1) ?? 0)) lengths.push(length);
      };
      const transcript = document.getElementById("transcript");
      if (transcript) new MutationObserver(note).observe(transcript, { childList: true, subtree: true });
      Object.assign(window, { paintedLengths: lengths });
    });
  }

  /**
   * Has the page itself stop the next answer with its first text: a fast model would be done before a click from
   * outside arrives.
   * @param {"click" | "Escape"} how
   */
  async stopWithFirstText(how) {
    await this.page.evaluate((way) => {
      const transcript = document.getElementById("transcript");
      const stop = () => {
        if (way === "click") document.getElementById("composer-stop")?.click();
        else document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
      };
      const observer = new MutationObserver(() => {
        if (!transcript?.querySelector(".message:last-child .answer-text")?.textContent) return;
        observer.disconnect();
        stop();
      });
      if (transcript) observer.observe(transcript, { childList: true, subtree: true });
    }, how);
  }
}
