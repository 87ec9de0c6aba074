/** Answers side by side as a person sees them. Every wait is on a condition and has a deadline. */

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

export class ComparisonPage {
  /** @param {ChatPage} chat */
  constructor(chat) {
    this.chat = chat;
    this.page = chat.page;
  }

  /** Opens the set-up, and gives each answer a seed of its own. @param {number[]} seeds two to four */
  async setUp(seeds) {
    await this.page.waitForSelector("#compare-button:not([disabled])");
    await this.chat.press("Compare answers");
    await this.page.waitForSelector("#compare-setup:not([hidden])");
    const count = await this.page.evaluate(() => document.querySelectorAll(".compare-row").length);
    for (let row = count; row < seeds.length; row += 1) await this.chat.press("Add an answer");
    for (const [row, seed] of seeds.entries()) {
      await this.page.evaluate((index, value) => {
        const field = document.querySelectorAll(".compare-seed")[index];
        if (field instanceof HTMLInputElement) field.value = value;
      }, row, String(seed));
    }
  }

  /** @param {number} least length of each answer's text */
  async areLongerThan(least) {
    await this.page.waitFor((length) => {
      const texts = [...document.querySelectorAll("#comparison:not([hidden]) .answer-text")];
      return texts.length > 1 && texts.every((text) => (text.textContent?.length ?? 0) > length);
    }, least);
  }

  /** @param {string[]} labels */
  async tabsAre(labels) {
    await this.page.waitFor((expected) => {
      const tabs = document.querySelectorAll("#comparison:not([hidden]) [role=tab]");
      return JSON.stringify([...tabs].map((tab) => tab.textContent)) === expected;
    }, JSON.stringify(labels));
  }

  /** Each tab is above its column, of which one at least is out of view. */
  async tabsAreAbove() {
    await this.page.waitFor(() => {
      const lefts = (/** @type {string} */ selector) => [...document.querySelectorAll(selector)].map((each) => Math.round(each.getBoundingClientRect().left));
      const [tabs, columns] = [lefts(".comparison-tab"), lefts(".comparison-column")];
      const track = document.querySelector(".comparison-track");
      return track && track.scrollWidth > track.clientWidth && tabs.every((left, index) => Math.abs(left - (columns[index] ?? 0)) < 2);
    });
  }

  /** @param {string} label */
  async selectedIs(label) {
    await this.page.waitFor((expected) => document.querySelector("#comparison:not([hidden]) [role=tab][aria-selected=true]")?.textContent === expected, label);
  }

  /** Waits until the state of each answer begins with these words. @param {string[]} words */
  async statesAre(words) {
    await this.page.waitFor((expected) => {
      const lines = [...document.querySelectorAll("#comparison:not([hidden]) .status-text")];
      return lines.length === expected.length && lines.every((line, index) => new RegExp(`^(${expected[index]})`).test(line.textContent ?? ""));
    }, words);
  }

  async texts() {
    return await this.page.$$eval("#comparison .answer-text", (texts) => texts.map(({ textContent }) => textContent ?? ""));
  }

  async isGone() {
    await this.page.waitForSelector("#comparison[hidden]");
  }
}

/**
 * Open a conversation whose answers are compared, without a model that writes them: they are imported, and the browser is
 * given the record of their columns.
 * @param {ChatPage} chat open at the server
 * @param {{id: string, title: string, answers: {label: string, content: string, [field: string]: unknown}[]}} conversation
 */
export async function openCompared(chat, { id, title, answers }) {
  const { origin } = new URL(await chat.page.url());
  const texts = answers.map(({ label: _, ...answer }, index) => ({ ...answer, id: `${id}-${index}`, parent: id, role: "assistant" }));
  const messages = [{ id, parent: null, role: "user", content: title }, ...texts];
  const file = { format: "streamui.conversations", version: 1, conversations: [{ id, title, settings: {}, leaf: `${id}-0`, messages }] };
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${origin}/api/conversations/import`, { method: "POST", headers, body: JSON.stringify(file) });
  if (!response.ok) throw new Error(`The import was refused: ${response.status} ${await response.text()}`);
  const columns = answers.map(({ label }, index) => ({ id: `${id}-${index}`, label }));
  await chat.page.evaluate((record) => localStorage.setItem("streamui.comparisons.v1", record), JSON.stringify({ [id]: { question: id, columns, selected: `${id}-0` } }));
  await chat.open(`${origin}/c/${id}`);
  await new ComparisonPage(chat).tabsAre(answers.map(({ label }) => label));
}
