/** Files and long pastes of the unsent message, as chips at the composer. Owns their list. */

import { countLines, fileBlock, messageFile } from "../conversations/message-files.js";
import { createFileChip, createReadingChip } from "../rendering/file-chip.js";
import { messageBytes } from "./message-size.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} HeldText */
/** @typedef {{name: string, controller: AbortController}} Reading file that is still being read */
/** @typedef {{signal: AbortSignal, fill: (text: string) => void, drop: () => void}} Place of a file among the chips */

/** Limits above which a paste becomes a chip: in lines, and in UTF-16 units. */
export const LONG_LINES = 60;
export const LONG_LENGTH = 5000;
/** Limit for text in a text field, in UTF-16 units. Above it each key takes seconds. */
const FIELD_LENGTH = 50_000;
const FIELD_LINES = 1000;

const PASTED = "Pasted text";

export class HeldTexts {
  #list;
  #changed;
  #show;
  /** @type {(HeldText | Reading)[]} */
  #entries = [];
  #bytes = 0;

  /**
   * @param {HTMLElement} list
   * @param {() => void} changed
   * @param {(file: HeldText) => void} show
   */
  constructor(list, changed, show) {
    this.#list = list;
    this.#changed = changed;
    this.#show = show;
  }

  /** Files and pastes that are completely read. */
  get items() {
    return this.#entries.filter((entry) => "text" in entry);
  }

  get isEmpty() {
    return this.items.length === 0;
  }

  /** True if a file is still being read: then the message can't be sent. */
  get isReading() {
    return this.#entries.some((entry) => "controller" in entry);
  }

  /** Size of all texts in a frame, in bytes. */
  get bytes() {
    return this.#bytes;
  }

  /** @param {HeldText} item */
  add(item) {
    this.#put([...this.#entries, item]);
  }

  /** @param {string} text */
  addPasted(text) {
    const names = new Set(this.items.map(({ name }) => name));
    let name = PASTED;
    for (let number = 2; names.has(name); number += 1) name = `${PASTED} ${number}`;
    this.add(messageFile(name, text));
  }

  /**
   * Show a chip for a file that is being read. If the user removes the chip or opens another conversation, the chip's
   * place is dropped and the signal aborted.
   * @param {string} name
   * @returns {Place}
   */
  reserve(name) {
    const controller = new AbortController();
    /** @type {Reading} */
    const reading = { name, controller };
    const put = (/** @type {HeldText[]} */ ...files) => {
      if (controller.signal.aborted) return;
      this.#put(this.#entries.flatMap((entry) => (entry === reading ? files : [entry])));
    };
    this.#put([...this.#entries, reading]);
    return { signal: controller.signal, fill: (text) => put(messageFile(name, text)), drop: () => put() };
  }

  clear() {
    if (this.#entries.length > 0) this.replace([]);
  }

  /** @param {HeldText[]} items may come from a draft of an earlier version of the page, with other line ends */
  replace(items) {
    for (const entry of this.#entries) if ("controller" in entry) entry.controller.abort();
    this.#put(items.map(({ name, text }) => messageFile(name, text)));
  }

  /** @param {(HeldText | Reading)[]} entries */
  #put(entries) {
    this.#entries = entries;
    this.#bytes = this.items.reduce((sum, item) => sum + messageBytes(fileBlock(item)), 0);
    this.#list.replaceChildren(...entries.map((entry) => this.#createChip(entry)));
    this.#list.hidden = entries.length === 0;
    this.#changed();
  }

  /** @param {HeldText | Reading} entry */
  #createChip(entry) {
    const remove = () => this.#remove(entry);
    return "text" in entry ? createFileChip(entry, () => this.#show(entry), remove) : createReadingChip(entry.name, remove);
  }

  /**
   * Remove a chip. The focus moves to the next chip, since the pressed button is removed.
   * @param {HeldText | Reading} entry
   */
  #remove(entry) {
    if ("controller" in entry) entry.controller.abort();
    const at = this.#entries.indexOf(entry);
    this.#put(this.#entries.filter((other) => other !== entry));
    const buttons = this.#list.querySelectorAll(".file-remove");
    const next = buttons[Math.min(at, buttons.length - 1)];
    if (next instanceof HTMLElement) next.focus();
    else this.#list.closest("form")?.querySelector("textarea")?.focus();
  }
}

/** @param {string} text from a paste */
export function isLong(text) {
  return text.length > LONG_LENGTH || countLines(text) > LONG_LINES;
}

/** @param {string} text for a text field, which becomes slow if it is too long */
export function isTooLongForField(text) {
  return text.length > FIELD_LENGTH || countLines(text) > FIELD_LINES;
}
