/** What comes into the composer from outside: files and long texts. A ClipboardEvent of Firefox's takes no data from a script. */

/** @typedef {import("./browsers/tab.js").Tab} Tab */
/** @typedef {{name: string, content: string}} Content each character of the content is one byte */

export class ComposerPage {
  /** @param {Tab} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {Content[]} files */
  async drop(files) {
    await this.page.evaluate((contents) => {
      const data = new DataTransfer();
      for (const { name, content } of contents) {
        data.items.add(new File([Uint8Array.from(content, (byte) => byte.charCodeAt(0))], name));
      }
      for (const type of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      }
    }, files);
  }

  /** @param {Content} file */
  async pasteFile(file) {
    await this.page.evaluate(({ name, content }) => {
      const data = new DataTransfer();
      data.items.add(new File([content], name));
      const paste = new Event("paste", { bubbles: true, cancelable: true });
      document.getElementById("composer-input")?.dispatchEvent(Object.assign(paste, { clipboardData: data }));
    }, file);
  }

  /**
   * @param {string} text
   * @returns {Promise<number>} for how long the page could do nothing else, in milliseconds
   */
  async pasteText(text) {
    return await this.page.evaluate(async (pasted) => {
      const data = new DataTransfer();
      data.setData("text/plain", pasted);
      const input = document.getElementById("composer-input");
      const paste = Object.assign(new Event("paste", { bubbles: true, cancelable: true }), { clipboardData: data });
      const before = performance.now();
      if (input?.dispatchEvent(paste)) document.execCommand("insertText", false, pasted);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      return Math.round(performance.now() - before);
    }, text);
  }

  /** @returns {Promise<string[]>} the chips at the composer, once they have been read */
  async chips() {
    await this.page.waitFor(() => document.querySelector("#composer-held [data-state=reading]") === null);
    return await this.page.$$eval("#composer-held .file-chip", (chips) => chips.map(({ textContent }) => textContent ?? ""));
  }

  /** @param {number} count of chips, which have been read */
  async chipsAre(count) {
    await this.page.waitFor((expected) => {
      const chips = document.querySelectorAll("#composer-held .file-chip");
      return chips.length === expected && [...chips].every((chip) => !(/** @type {HTMLElement} */ (chip).dataset["state"]));
    }, count);
  }

  /** @returns {Promise<string[]>} the files of the messages */
  async sentFiles() {
    return await this.page.$$eval(".question-files .file-name", (names) => names.map(({ textContent }) => textContent ?? ""));
  }

  /**
   * Presses the chip of a file, and waits for its text.
   * @param {string} place where the chip is
   * @param {string} text that the viewer shows
   */
  async openFile(place, text) {
    await this.page.focus(`${place} .file-open`);
    await this.page.press("Enter");
    await this.page.waitFor((expected) => document.querySelector(".viewer[open] .viewer-text")?.textContent === expected, text);
  }

  async notice() {
    return await this.page.$eval("#composer-notice", (notice) => notice.textContent ?? "");
  }

  /** @param {string} words */
  async says(words) {
    await this.page.waitFor((expected) => document.getElementById("composer-notice")?.textContent?.includes(expected), words);
  }

  /** @param {string} words */
  async draftSays(words) {
    await this.page.waitFor((expected) => {
      return /** @type {HTMLTextAreaElement} */ (document.getElementById("composer-input")).value.includes(expected);
    }, words);
  }

  async send() {
    await this.page.focus("#composer-input");
    await this.page.press("Enter");
  }
}
