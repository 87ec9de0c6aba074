/** A web page of another origin with a StreamUI, and what a person sees and does in it. */

import { once } from "node:events";
import { createServer } from "node:http";

import { ENDS_BY_ITSELF } from "./chat-page.js";

/** @typedef {import("./browsers/tab.js").Tab} Tab */

/** Serves one page and its script. It has an address before the StreamUI server, which must allow its origin, starts. */
export class ForeignSite {
  /** HTML of the page. */
  page = "";
  /** Script of the page, at /page.js. */
  script = "";
  /** Content security policy of the page; empty for none. */
  policy = "";
  #listener = createServer(({ url }, answer) => {
    const [type, body] = url === "/page.js" ? ["text/javascript", this.script] : url === "/" ? ["text/html", this.page] : ["text/plain", ""];
    const policy = this.policy === "" ? {} : { "Content-Security-Policy": this.policy };
    answer.writeHead(200, { "Content-Type": `${type}; charset=utf-8`, ...policy }).end(body);
  });

  static async start() {
    const site = new ForeignSite();
    site.#listener.listen(0, "127.0.0.1");
    await once(site.#listener, "listening");
    return site;
  }

  get address() {
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("The site does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  async stop() {
    this.#listener.close();
    this.#listener.closeAllConnections();
    await once(this.#listener, "close");
  }
}

export class ForeignPage {
  /** @param {Tab} page */
  constructor(page) {
    this.page = page;
  }

  get complaints() {
    return this.page.complaints;
  }

  /** @param {string} address */
  async open(address) {
    await this.page.goto(address);
    await this.page.waitFor(() => document.querySelector(".stream-ui") !== null);
  }

  /** @param {string} state such as connected */
  async connectionIs(state) {
    await this.page.waitFor((expected) => {
      const root = document.querySelector(".stream-ui")?.shadowRoot;
      return root?.querySelector(".connection")?.getAttribute("data-state") === expected;
    }, state);
  }

  /** @param {string} words */
  async connectionSays(words) {
    await this.page.waitFor((expected) => {
      return document.querySelector(".stream-ui")?.shadowRoot?.querySelector(".connection-text")?.textContent === expected;
    }, words);
  }

  /** @param {string} text */
  async write(text) {
    await this.page.click(() => document.querySelector(".stream-ui")?.shadowRoot?.querySelector(".composer-input"));
    await this.page.evaluate((words) => void document.execCommand("insertText", false, words), text);
  }

  /** @param {string} text */
  async ask(text) {
    await this.write(text);
    await this.press("Send");
  }

  /** @param {string} label of a button */
  async press(label) {
    await this.page.click((name) => {
      const buttons = document.querySelector(".stream-ui")?.shadowRoot?.querySelectorAll("button") ?? [];
      const shown = [...buttons].filter((button) => button.checkVisibility({ visibilityProperty: true }));
      return shown.findLast((button) => (button.ariaLabel ?? button.textContent?.trim()) === name);
    }, label);
  }

  /** @param {string} words */
  async lastStatusSays(words) {
    await this.page.waitFor((expected) => {
      const lines = [...(document.querySelector(".stream-ui")?.shadowRoot?.querySelectorAll(".status-text") ?? [])];
      return lines.at(-1)?.textContent?.includes(expected) ?? false;
    }, words);
  }

  /** The answer has ended by itself, and is there to its end. */
  async isAnswered() {
    await this.page.waitFor((ends) => {
      const lines = [...(document.querySelector(".stream-ui")?.shadowRoot?.querySelectorAll(".status-text") ?? [])];
      return new RegExp(ends).test(lines.at(-1)?.textContent ?? "");
    }, ENDS_BY_ITSELF);
  }

  /** @param {number} length */
  async lastAnswerIsLongerThan(length) {
    await this.page.waitFor((least) => {
      const answers = [...(document.querySelector(".stream-ui")?.shadowRoot?.querySelectorAll(".answer-text") ?? [])];
      return (answers.at(-1)?.textContent?.length ?? 0) > least;
    }, length);
  }

  /** @returns {Promise<string[]>} */
  async answers() {
    return await this.page.evaluate(() => {
      const answers = document.querySelector(".stream-ui")?.shadowRoot?.querySelectorAll(".answer-text") ?? [];
      return [...answers].map((answer) => answer.textContent ?? "");
    });
  }
}
