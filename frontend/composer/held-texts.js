/**
 * Long texts that belong to the message and stand beside the composer, each with its name and a button to take it out
 * again: a text field of many thousand lines would take seconds for every key. Owns their list.
 */

import { createButton, create } from "../panels/elements.js";
import { describeBytes } from "../panels/model-facts.js";
import { messageBytes } from "./message-size.js";

/** @typedef {{name: string, text: string}} HeldText text: as it is sent */

/** From here on a text is held beside the composer. */
export const LONG_LINES = 1000;
export const LONG_LENGTH = 50_000;

export class HeldTexts {
  #list;
  #changed;
  /** @type {HeldText[]} */
  #items = [];
  #bytes = 0;

  /**
   * @param {HTMLElement} list
   * @param {() => void} changed
   */
  constructor(list, changed) {
    this.#list = list;
    this.#changed = changed;
  }

  get items() {
    return [...this.#items];
  }

  get isEmpty() {
    return this.#items.length === 0;
  }

  /** Bytes that they take in a frame. */
  get bytes() {
    return this.#bytes;
  }

  /** What follows the message that is written. */
  get text() {
    return this.#items.map(({ text }) => text).join("\n\n");
  }

  /** @param {HeldText} item */
  add(item) {
    this.replace([...this.#items, item]);
  }

  clear() {
    if (!this.isEmpty) this.replace([]);
  }

  /** @param {HeldText[]} items */
  replace(items) {
    this.#items = items;
    this.#bytes = items.reduce((sum, { text }) => sum + messageBytes(text), 0);
    this.#list.replaceChildren(...items.map((item) => this.#createChip(item)));
    this.#list.hidden = items.length === 0;
    this.#changed();
  }

  /** @param {HeldText} item */
  #createChip(item) {
    const remove = createButton("✕", () => this.replace(this.#items.filter((other) => other !== item)), {
      class: "held-remove", "aria-label": `Remove ${item.name}`,
    });
    const name = create("span", { class: "held-name" }, item.name);
    return create("li", { class: "held" }, name, create("span", { class: "held-size" }, describeHeld(item.text)), remove);
  }
}

/** @param {string} text */
export function isLong(text) {
  return text.length > LONG_LENGTH || countLines(text) > LONG_LINES;
}

/** @param {string} text */
export function describeHeld(text) {
  const lines = countLines(text);
  return `${lines.toLocaleString("en")} ${lines === 1 ? "line" : "lines"}, ${describeBytes(new TextEncoder().encode(text).length)}`;
}

/** @param {string} text */
function countLines(text) {
  let lines = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < text.length - 1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
