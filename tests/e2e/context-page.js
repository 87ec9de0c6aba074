/** The parts of the page that say how full the model's context is, and what can be done about it. */

export class ContextPage {
  /** @param {import("./browsers/tab.js").Tab} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {number} tokens */
  async shows(tokens) {
    await this.page.waitFor((expected) => document.getElementById("context-meter")?.getAttribute("aria-valuenow") === String(expected), tokens);
  }

  /** @param {number} tokens that the context holds, once the page knows */
  async holds(tokens) {
    await this.page.waitFor((expected) => document.getElementById("context-meter")?.getAttribute("aria-valuemax") === String(expected), tokens);
  }

  async isHidden() {
    await this.page.waitFor(() => document.getElementById("context-meter")?.hidden ?? false);
  }

  /** @returns {Promise<{max: number, text: string, tip: string, figures: string}>} */
  async meter() {
    return await this.page.$eval("#context-meter", (meter) => ({
      max: Number(meter.getAttribute("aria-valuemax")),
      text: meter.getAttribute("aria-valuetext") ?? "",
      tip: /** @type {HTMLElement} */ (meter).title,
      figures: meter.textContent?.trim() ?? "",
    }));
  }

  /** @param {boolean} isAsked whether the reader is to choose what to do with a chat that no longer fits */
  async asks(isAsked) {
    await this.page.waitFor((expected) => document.getElementById("context-choice")?.hidden === !expected, isAsked);
  }

  /**
   * The line below the messages that the model no longer sees.
   * @param {string} words
   */
  async lineSays(words) {
    await this.page.waitFor((expected) => [...document.querySelectorAll(".boundary")].some((line) => line.textContent?.includes(expected)), words);
  }

  async hasNoLine() {
    await this.page.waitFor(() => document.querySelector(".boundary") === null);
  }

  /** @param {string} words */
  async toastSays(words) {
    await this.page.waitFor((expected) => document.getElementById("toasts")?.textContent?.includes(expected) ?? false, words);
  }
}
