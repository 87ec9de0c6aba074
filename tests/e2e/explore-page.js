/** Explore mode as a person sees it. Every wait is on a condition and has a deadline. */

/** @typedef {import("./browsers/tab.js").Tab} Tab */
/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

export class ExplorePage {
  /** @param {Tab} page */
  constructor(page) {
    this.page = page;
  }

  /**
   * Opens it for the last answer.
   * @param {ChatPage} chat
   */
  async open(chat) {
    await this.page.waitFor(() => document.querySelector('.message:last-child [data-action="explore"]') !== null);
    await chat.pressLast("Explore tokens");
    await this.page.waitFor(() => document.activeElement?.matches(".token-mark") ?? false);
  }

  /**
   * Opens it for one of the answers that are compared.
   * @param {string} label of its column
   */
  async openColumn(label) {
    await this.page.click((wanted) => {
      const tab = [...document.querySelectorAll("[role=tab]")].find(({ textContent }) => textContent === wanted);
      return document.getElementById(tab?.getAttribute("aria-controls") ?? "")?.querySelector('[data-action="explore"]');
    }, label);
    await this.page.waitFor(() => document.activeElement?.matches(".token-mark") ?? false);
  }

  /** @param {string} key */
  async press(key) {
    await this.page.press(key);
  }

  /** @param {string} words with which the visited token's name begins */
  async says(words) {
    await this.page.waitFor((expected) => {
      const mark = document.activeElement;
      return mark?.matches(".token-mark") === true && (mark.ariaLabel?.startsWith(expected) ?? false);
    }, words);
  }

  /** @param {number} index of the visited token */
  async isAt(index) {
    await this.says(`Token ${index + 1}:`);
  }

  async isLeft() {
    await this.page.waitFor(() => document.querySelector(".token-mark, .is-exploring") === null);
  }

  /** @returns {Promise<number[]>} where the last answer is */
  async frame() {
    return await this.page.evaluate(() => {
      const answers = document.querySelectorAll(".answer");
      const box = answers[answers.length - 1]?.getBoundingClientRect();
      return box ? [box.left, box.top, box.width, box.height] : [];
    });
  }

  /** @returns {Promise<string>} class of the focused element */
  async focused() {
    return await this.page.evaluate(() => document.activeElement?.className ?? "");
  }

  /**
   * @param {ChatPage} chat
   * @returns {Promise<string[]>} the text of each event of the last answer, from the server
   */
  async pieces(chat) {
    const id = (await chat.generations()).at(-1);
    const response = await fetch(new URL(`/generations/${id}?pieces=1`, await this.page.url()));
    return (await response.json()).pieces.filter((/** @type {string} */ text) => text !== "");
  }

  /** @returns {Promise<{name: string, isOwn: boolean}[]>} the open list, once it is there */
  async alternatives() {
    await this.page.waitForSelector(".alternatives:popover-open .alternative");
    return await this.page.$$eval(".alternative", (items) => {
      return items.map((item) => ({ name: (item.ariaLabel ?? "").replace(/, [^,]*$/, ""), isOwn: item.ariaChecked === "true" }));
    });
  }

  /**
   * Chooses the first of the alternatives that is another text.
   * @returns {Promise<string>} its text
   */
  async choose() {
    await this.alternatives();
    const text = await this.page.evaluate(() => {
      const item = document.querySelector('.alternative[aria-checked="false"]:not([aria-disabled])');
      /** @type {HTMLElement | null} */ (item)?.focus();
      return item?.querySelector(".alternative-token")?.textContent ?? "";
    });
    await this.page.press("Enter");
    return text.replaceAll("␣", " ").replaceAll("↵", "\n").replaceAll("⇥", "\t");
  }
}
