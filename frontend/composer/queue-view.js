/** Queued messages above the input: the first words of each, with buttons to edit and to remove it. */

import { splitMessage } from "../conversations/message-files.js";
import { create, createButton } from "../ui/elements.js";

/** @typedef {import("../conversations/queue.js").Queued} Queued */
/**
 * @typedef {object} QueueElements
 * @property {HTMLElement} area hidden while nothing is queued
 * @property {HTMLElement} words
 * @property {HTMLElement} list
 */
/** @typedef {{queuedSent: (id: string) => void, queuedEdited: (id: string) => void, queuedRemoved: (id: string) => void}} QueueViewDelegate */

/** Longest text of a row, in UTF-16 units. CSS shortens it to the row's width. */
const MAX_WORDS = 200;
/** Longest message text in the name of a button, in UTF-16 units. */
const MAX_NAME = 40;

export class QueueView {
  #elements;
  /** @type {QueueViewDelegate | null} */
  #delegate = null;
  /** Content that is shown. The same content is not rendered again, since one of its buttons may have the focus. */
  #shown = "";

  /** @param {QueueElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {QueueViewDelegate} delegate */
  start(delegate) {
    this.#delegate = delegate;
  }

  /**
   * @param {Queued[]} items
   * @param {string} words time when they are sent, or why they are not
   * @param {boolean} mayBeSent whether the first one waits for the user
   */
  show(items, words, mayBeSent) {
    const shown = JSON.stringify([items.map(({ id }) => id), words, mayBeSent]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { area, words: line, list } = this.#elements;
    area.hidden = items.length === 0;
    line.textContent = words;
    list.replaceChildren(...items.map((item, index) => this.#createRow(item, mayBeSent && index === 0)));
  }

  /**
   * @param {Queued} item
   * @param {boolean} mayBeSent
   */
  #createRow({ id, content }, mayBeSent) {
    const words = describeMessage(content);
    const name = words.length > MAX_NAME ? `${words.slice(0, MAX_NAME).trimEnd()}…` : words;
    /** @type {(label: string, act: (delegate: QueueViewDelegate) => void) => HTMLButtonElement} */
    const button = (label, act) => {
      const pressed = () => this.#delegate && act(this.#delegate);
      return createButton(label, pressed, { class: "queued-button", "aria-label": `${label} “${name}”` });
    };
    return create(
      "li",
      { class: "queued" },
      create("span", { class: "queued-words", dir: "auto" }, words.slice(0, MAX_WORDS)),
      ...(mayBeSent ? [button("Send", (delegate) => delegate.queuedSent(id))] : []),
      button("Edit", (delegate) => delegate.queuedEdited(id)),
      button("Remove", (delegate) => delegate.queuedRemoved(id)),
    );
  }
}

/**
 * @param {string} content
 * @returns {string} the user's words on one line, or the names of the files if there are no words
 */
function describeMessage(content) {
  const { words, files } = splitMessage(content);
  const line = words.trim().replace(/\s+/g, " ");
  const names = files.map(({ name }) => name).join(", ");
  if (line === "" || names === "") return line || names;
  return `${line} (${files.length === 1 ? names : `${files.length} files`})`;
}
