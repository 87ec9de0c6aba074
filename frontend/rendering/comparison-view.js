/**
 * Answers that are compared, side by side below their question. Each column has a tab: the selected one is the answer
 * that the next message continues. Where the columns don't fit beside each other, they are swiped.
 */

import { NEXT } from "../words/comparison-words.js";
import { create, icon, textButton } from "../ui/elements.js";
import { columnTemplate } from "./message-templates.js";
import { MessageView } from "./message-view.js";

/** @typedef {import("../chat/presenting-columns.js").Column} Column */
/** @typedef {import("../ui/frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./message-view.js").MessageDelegate} MessageDelegate */
/** @typedef {import("./message-view.js").Openers} Openers */
/**
 * @typedef {object} ComparisonDelegate
 * @property {(id: string) => void} columnSelected
 * @property {(id: string) => void} columnStopped
 * @property {(id: string) => void} columnKept
 */

/** Time without scrolling after which the column in view is selected, in milliseconds. */
const SCROLLED_MS = 150;

export class ComparisonView {
  #element;
  #batcher;
  #openers;
  #messages;
  #tabs = create("div", { class: "comparison-tabs", role: "tablist", "aria-label": "Answers" });
  #track = create("div", { class: "comparison-track" });
  /** @type {Map<string, ColumnView>} in the order of the page */
  #columns = new Map();
  /** @type {ComparisonDelegate | null} */
  #delegate = null;
  #selected = "";
  /** True until the selected column has been brought into view. */
  #isNew = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #observer = new AbortController();

  /**
   * @param {HTMLElement} element
   * @param {FrameBatcher} batcher
   * @param {Openers} openers
   * @param {() => MessageDelegate} messages handler of what the user does in the answers
   */
  constructor(element, batcher, openers, messages) {
    this.#element = element;
    this.#batcher = batcher;
    this.#openers = openers;
    this.#messages = messages;
  }

  /** @param {ComparisonDelegate} delegate */
  start(delegate) {
    const { signal } = this.#observer;
    this.#delegate = delegate;
    this.#tabs.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#track.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    this.#element.replaceChildren(this.#tabs, this.#track, create("p", { class: "comparison-next" }, NEXT));
  }

  stop() {
    this.#observer.abort();
    clearTimeout(this.#timer);
    this.#batcher.stop();
  }

  /** @param {Column[]} columns empty to show none */
  show(columns) {
    this.#element.hidden = columns.length === 0;
    this.#element.dataset.count = String(columns.length);
    this.#isNew ||= columns.length === 0;
    const known = this.#columns;
    this.#columns = new Map(columns.map((column) => [column.shown.id, this.#updated(known.get(column.shown.id), column)]));
    const shown = [...this.#columns.values()];
    arrange(this.#tabs, shown.map(({ tab }) => tab));
    arrange(this.#track, shown.map(({ element }) => element));
    const selected = columns.find(({ isSelected }) => isSelected)?.shown.id ?? "";
    if (selected !== "" && (selected !== this.#selected || this.#isNew)) this.#bringIntoView(selected);
    this.#selected = selected;
    this.#isNew = columns.length === 0;
  }

  /** @param {string} id */
  find(id) {
    return this.#columns.get(id)?.message;
  }

  /** Select a column, and focus its answer. @param {string} id */
  focus(id) {
    this.#delegate?.columnSelected(id);
    this.#bringIntoView(id);
    this.find(id)?.body.focus({ preventScroll: false });
  }

  /** Render every answer now, before the page is printed. */
  prepareWhole() {
    for (const { message } of this.#columns.values()) message.prepareWhole();
  }

  /**
   * @param {ColumnView | undefined} known
   * @param {Column} column
   */
  #updated(known, column) {
    const view = known ?? new ColumnView(column, this.#createMessage(column), {
      select: (id) => this.#delegate?.columnSelected(id),
      stop: (id) => this.#delegate?.columnStopped(id),
      keep: (id) => this.#delegate?.columnKept(id),
    });
    view.show(column, known !== undefined);
    return view;
  }

  /** @param {Column} column */
  #createMessage({ shown }) {
    const message = new MessageView(columnTemplate(), shown, this.#batcher, this.#messages(), this.#openers);
    message.comeNear();
    return message;
  }

  /** Move among the tabs, which selects. @param {KeyboardEvent} event */
  #keyPressed(event) {
    const ids = [...this.#columns.keys()];
    const [at, last] = [ids.indexOf(this.#selected), ids.length - 1];
    const to = { ArrowLeft: at <= 0 ? last : at - 1, ArrowRight: at === last ? 0 : at + 1, Home: 0, End: last }[event.key];
    const id = ids[to ?? -1];
    if (id === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#delegate?.columnSelected(id);
    this.#columns.get(id)?.tab.focus();
  }

  /** Scroll the tabs with the columns. If only one column has room, select the one in view once the track rests. */
  #scrolled() {
    clearTimeout(this.#timer);
    this.#scrollTabs();
    if (!this.#isSwiped) return;
    this.#timer = setTimeout(() => {
      const left = this.#track.getBoundingClientRect().left;
      const distance = (/** @type {ColumnView} */ { element }) => Math.abs(element.getBoundingClientRect().left - left);
      const [nearest] = [...this.#columns].sort(([, one], [, other]) => distance(one) - distance(other));
      if (nearest) this.#delegate?.columnSelected(nearest[0]);
    }, SCROLLED_MS);
  }

  /** True if one column fills the track. If several are in view, the user selects by their tabs. */
  get #isSwiped() {
    const { scrollWidth, clientWidth } = this.#track;
    const [first] = this.#columns.values();
    return scrollWidth > clientWidth && first !== undefined && first.element.clientWidth > clientWidth / 2;
  }

  /** Show the same part of the tabs as of the columns. */
  #scrollTabs() {
    const range = (/** @type {HTMLElement} */ { scrollWidth, clientWidth }) => scrollWidth - clientWidth;
    const part = this.#track.scrollLeft / Math.max(1, range(this.#track));
    this.#tabs.scrollLeft = Math.round(part * range(this.#tabs));
  }

  /** @param {string} id */
  #bringIntoView(id) {
    const element = this.#columns.get(id)?.element;
    const { scrollWidth, clientWidth } = this.#track;
    if (!element || scrollWidth <= clientWidth) return;
    const by = element.getBoundingClientRect().left - this.#track.getBoundingClientRect().left;
    if (Math.abs(by) > 1) this.#track.scrollLeft += by;
  }
}

/** One column: its tab, and the panel with the answer and its buttons. */
class ColumnView {
  #stopButton;
  #keepButton;
  #label = "";

  /**
   * @param {Column} column
   * @param {MessageView} message
   * @param {{select: (id: string) => void, stop: (id: string) => void, keep: (id: string) => void}} hooks
   */
  constructor({ shown: { id } }, message, { select, stop, keep }) {
    this.message = message;
    this.tab = create("button", { type: "button", class: "comparison-tab", role: "tab", id: `tab-${id}`, "aria-controls": `column-${id}` });
    this.tab.addEventListener("click", () => select(id));
    this.#stopButton = textButton("Stop", "comparison-button comparison-stop", () => stop(id));
    this.#stopButton.prepend(icon("stop"));
    this.#keepButton = textButton("Keep this one", "comparison-button", () => keep(id));
    this.element = create(
      "section",
      { class: "comparison-column", role: "tabpanel", id: `column-${id}`, "aria-labelledby": `tab-${id}`, tabindex: 0 },
      message.element,
      create("div", { class: "comparison-buttons" }, this.#stopButton, this.#keepButton),
    );
  }

  /**
   * @param {Column} column
   * @param {boolean} isKnown false for the first time, when the message shows it already
   */
  show({ shown, label, isSelected, isWriting, isStopping, mayBeKept }, isKnown) {
    if (isKnown) this.message.show(shown);
    if (label !== this.#label) this.tab.replaceChildren(create("span", { class: "comparison-label" }, label));
    this.#label = label;
    this.tab.title = label;
    this.tab.setAttribute("aria-selected", String(isSelected));
    this.tab.tabIndex = isSelected ? 0 : -1;
    this.element.dataset["selected"] = String(isSelected);
    this.#stopButton.hidden = !isWriting;
    this.#stopButton.disabled = isStopping;
    this.#stopButton.ariaLabel = `Stop ${label}`;
    this.#keepButton.disabled = !mayBeKept;
    this.#keepButton.ariaLabel = `Keep this one: ${label}`;
  }
}

/**
 * Put these elements into a parent, moving only those in a wrong place.
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} elements
 */
function arrange(parent, elements) {
  for (const child of [...parent.children]) if (!elements.includes(/** @type {HTMLElement} */ (child))) child.remove();
  for (const [index, element] of elements.entries()) if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
}
