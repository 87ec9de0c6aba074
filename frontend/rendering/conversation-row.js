/** Row of one conversation in the list: a link that opens it, and a button for its menu. */

import { addressOf } from "../address.js";
import { wholeTime } from "../conversations/row-times.js";
import { iconButton } from "../ui/elements.js";
import { isComposing, isSubmitEnter } from "../ui/submit-key.js";

/** @typedef {import("../conversations/api.js").Found} Found */
/**
 * @typedef {object} RowDelegate
 * @property {(id: string, message: string | null) => void} rowOpened
 * @property {(id: string, button: HTMLElement) => void} rowAsked called to open the row's menu
 * @property {(id: string, title: string | null) => void} rowRenamed called with null if the title was not changed
 */

export const UNTITLED = "New chat";

export class ConversationRow {
  #delegate;
  #link = document.createElement("a");
  #title = document.createElement("span");
  #time = document.createElement("time");
  /** Text for screen readers: that an answer is being written. */
  #state = document.createElement("span");
  #snippet = document.createElement("span");
  #menu;
  /** @type {Found} */
  #found;
  element = document.createElement("li");

  /**
   * @param {Found} found
   * @param {string} time time label
   * @param {RowDelegate} delegate
   */
  constructor(found, time, delegate) {
    this.#found = found;
    this.#delegate = delegate;
    this.#menu = iconButton("more", "", () => delegate.rowAsked(this.#found.id, this.#menu));
    this.#menu.classList.add("row-menu");
    this.#menu.ariaHasPopup = "menu";
    this.#menu.ariaExpanded = "false";
    this.#link.className = "row-link";
    this.#title.className = "row-title";
    this.#title.dir = "auto";
    this.#time.className = "row-time";
    this.#snippet.className = "row-snippet";
    this.#snippet.dir = "auto";
    this.#state.className = "visually-hidden";
    this.#link.append(this.#title, this.#time, this.#state, this.#snippet);
    this.#link.addEventListener("click", (event) => this.#clicked(event));
    this.element.className = "row";
    this.element.append(this.#link, this.#menu);
    this.show(found, time);
  }

  get id() {
    return this.#found.id;
  }

  get isRenaming() {
    return "renaming" in this.element.dataset;
  }

  /**
   * @param {Found} found
   * @param {string} time
   */
  show(found, time) {
    this.#found = found;
    const title = found.title || UNTITLED;
    const isWriting = found.writing.length > 0;
    this.#link.href = addressOf(found.id);
    this.#title.textContent = title;
    this.#link.title = `${title}\n${wholeTime(found.updated_at)}`;
    this.#time.textContent = time;
    this.#time.dateTime = new Date(found.updated_at).toISOString();
    this.element.dataset.writing = String(isWriting);
    this.#state.textContent = isWriting ? ", answering" : "";
    this.#menu.ariaLabel = `Options for ${title}`;
    this.#menu.title = "More";
    this.#snippet.replaceChildren(...(found.snippet ?? []).map(snippetPart));
    this.#snippet.hidden = !found.snippet;
  }

  /** @param {boolean} isOpen */
  mark(isOpen) {
    this.#link.ariaCurrent = isOpen ? "page" : null;
  }

  /** @param {boolean} isIn true if the Tab key reaches the row */
  setInTabOrder(isIn) {
    this.#link.tabIndex = isIn ? 0 : -1;
    this.#menu.tabIndex = isIn ? 0 : -1;
  }

  focus() {
    this.#link.focus();
  }

  /** Replace the title by a text field until the user has renamed the conversation. */
  rename() {
    const input = document.createElement("input");
    input.className = "row-input";
    input.value = this.#found.title;
    input.maxLength = 200;
    input.ariaLabel = "Title (empty = original)";
    input.addEventListener("keydown", (event) => this.#keyPressed(event, input));
    input.addEventListener("blur", () => this.#renamed(input), { once: true });
    this.element.dataset.renaming = "";
    this.element.append(input);
    input.select();
    input.focus();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLInputElement} input
   */
  #keyPressed(event, input) {
    if (isComposing(event) || (event.key !== "Escape" && !isSubmitEnter(event))) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") input.value = this.#found.title;
    this.focus();
  }

  /** Finish renaming when the text field loses the focus. @param {HTMLInputElement} input */
  #renamed(input) {
    const title = input.value.trim();
    delete this.element.dataset.renaming;
    input.remove();
    this.#delegate.rowRenamed(this.id, title === this.#found.title ? null : title);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#delegate.rowOpened(this.id, this.#found.message ?? null);
  }
}

/** @param {{text: string, match: boolean}} part */
function snippetPart({ text, match }) {
  if (!match) return text;
  const mark = document.createElement("mark");
  mark.textContent = text;
  return mark;
}
