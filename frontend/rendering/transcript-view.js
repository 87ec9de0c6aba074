/** The conversation on the page: its messages, or what there is instead of them. */

import { MarkdownText } from "./markdown-text.js";
import { MessageView } from "./message-view.js";
import { SearchHits } from "./search-hits.js";

/** @typedef {import("../conversations/presenting.js").Shown} Shown */
/** @typedef {import("./frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./message-view.js").MessageDelegate} MessageDelegate */
/** @typedef {import("./markdown/idle-queue.js").IdleQueue} IdleQueue */
/** @typedef {import("./menu-view.js").MenuView} MenuView */
/** @typedef {import("./near-observer.js").NearObserver} NearObserver */
/** @typedef {import("./scroller.js").Scroller} Scroller */
/**
 * @typedef {object} TranscriptElements
 * @property {HTMLElement} list
 * @property {HTMLElement} welcome
 * @property {HTMLElement} loading
 * @property {HTMLElement} trouble
 * @property {HTMLElement} troubleTitle
 * @property {HTMLElement} troubleText
 * @property {HTMLButtonElement} troubleButton
 * @property {HTMLTemplateElement} question
 * @property {HTMLTemplateElement} answer
 */
/** @typedef {{title: string, text: string, label: string, act: () => void}} Trouble label: of the button that helps */
/** @typedef {MessageDelegate & {transcriptSuggested: (text: string) => void}} TranscriptDelegate */

/** How many messages at the end are rendered at once; the others when they come near, or in the pauses between frames. */
const AT_ONCE = 4;
/** How long formulas of these are set before they are seen, in milliseconds: a formula takes 0.5 to 2. */
const AT_ONCE_MS = 6;
/** How many messages at the end stand there at once when a conversation is opened, and how many more come with each turn after that. */
const AT_FIRST = 30;
const AT_A_TIME = 60;

export class TranscriptView {
  #elements;
  #batcher;
  #scroller;
  #near;
  #idle;
  #menu;
  #openers;
  #hits;
  /** @type {TranscriptDelegate | null} */
  #delegate = null;
  /** @type {Map<string, MessageView>} in the order in which they stand */
  #views = new Map();
  /** @type {MessageView | null} */
  #last = null;
  /** @type {Shown[]} */
  #messages = [];
  /** How many of them, from the first one on, are still to come onto the page. */
  #absent = 0;
  /** @type {MessageView[]} messages that are still to be rendered in the pauses between frames, the next one last */
  #unready = [];
  #isPreparing = false;
  /** @type {(() => void) | null} */
  #help = null;
  #observer = new AbortController();

  /**
   * @param {TranscriptElements} elements
   * @param {FrameBatcher} batcher
   * @param {Scroller} scroller
   * @param {NearObserver} near
   * @param {IdleQueue} idle
   * @param {MenuView} menu for what can seldom be done with a message
   * @param {(file: import("../conversations/message-files.js").MessageFile) => void} openFile of a message
   */
  constructor(elements, batcher, scroller, near, idle, menu, openFile) {
    this.#elements = elements;
    this.#batcher = batcher;
    this.#scroller = scroller;
    this.#near = near;
    this.#idle = idle;
    this.#menu = menu;
    this.#openers = { openFile, openMenu: menu.open.bind(menu) };
    this.#hits = new SearchHits(batcher, scroller);
  }

  /** @param {TranscriptDelegate} delegate */
  start(delegate) {
    const { signal } = this.#observer;
    this.#delegate = delegate;
    this.#scroller.start();
    this.#menu.start();
    this.#elements.troubleButton.addEventListener("click", () => this.#help?.(), { signal });
    this.#elements.list.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    for (const button of this.#elements.welcome.querySelectorAll("button")) {
      const suggest = () => delegate.transcriptSuggested(button.textContent.trim());
      button.addEventListener("click", suggest, { signal });
    }
  }

  stop() {
    this.#observer.abort();
    this.#unready = [];
    this.#near.stop();
    this.#menu.stop();
    this.#scroller.stop();
    this.#batcher.stop();
  }

  /** Shows that nothing has been said yet. */
  showWelcome() {
    this.clear();
    this.#instead("welcome");
    this.#scroller.goToStart();
  }

  showLoading() {
    this.clear();
    this.#instead("loading");
  }

  /** @param {Trouble} trouble */
  showTrouble({ title, text, label, act }) {
    const { troubleTitle, troubleText, troubleButton } = this.#elements;
    this.clear();
    this.#instead("trouble");
    troubleTitle.textContent = title;
    troubleText.textContent = text;
    troubleButton.textContent = label;
    this.#help = act;
  }

  /**
   * Shows these messages and no others. What was there already is left as it is where it has not changed. Of a long
   * conversation that is opened the end is there at once, and what is before it a moment later.
   * @param {Shown[]} messages
   */
  show(messages) {
    const isFirst = this.#views.size === 0;
    this.#messages = messages;
    this.#absent = Math.min(isFirst ? Infinity : this.#absent, Math.max(0, messages.length - AT_FIRST));
    this.#instead(null);
    const views = this.#updated(isFirst ? messages.length - AT_ONCE : 0);
    this.#arrange(views);
    this.#markLast([...views.values()].at(-1) ?? null);
    if (isFirst) MarkdownText.paintWaiting(AT_ONCE_MS);
    if (isFirst) this.#scroller.follow();
    this.#goOn();
  }

  /** Called by the batcher. */
  paint() {
    this.#bring(AT_A_TIME);
    this.#goOn();
  }

  /** Render every message now: the page is about to be printed. */
  prepareWhole() {
    this.#bring(Infinity);
    this.#unready = [];
    for (const view of this.#views.values()) view.prepareWhole();
  }

  /** Bring what is still to come in the next frame; once all is there, render it in the pauses between frames. */
  #goOn() {
    if (this.#absent > 0) return this.#batcher.schedule(this);
    this.#unready = [...this.#views.values()].filter(({ isPainted }) => !isPainted);
    this.#prepareNext();
  }

  /** Render the rest in the pauses between frames, the newest message first. */
  #prepareNext() {
    if (this.#isPreparing || this.#unready.length === 0) return;
    this.#isPreparing = true;
    this.#idle.add(() => {
      this.#isPreparing = false;
      const view = this.#unready.at(-1);
      if (!view?.element.isConnected || view.prepare()) this.#unready.pop();
      this.#prepareNext();
    });
  }

  /** Goes to the end and stays there. */
  follow() {
    this.#scroller.follow();
  }

  clear() {
    this.#hits.clear();
    for (const { element } of this.#views.values()) this.#near.forget(element);
    this.#views = new Map();
    this.#messages = [];
    this.#absent = 0;
    this.#unready = [];
    this.#elements.list.replaceChildren();
  }

  /** @param {string} id */
  find(id) {
    return this.#views.get(id);
  }

  /** @returns {string | null} the message that has the focus, itself or in one of its buttons */
  get focused() {
    const active = document.activeElement;
    if (!active || active.matches("textarea, input")) return null;
    return /** @type {HTMLElement | null} */ (active.closest(".message"))?.dataset.message ?? null;
  }

  /** @param {string} id */
  focus(id) {
    const view = this.#fetched(id);
    view?.comeNear();
    view?.body.focus({ preventScroll: false });
  }

  /**
   * Brings a message before the reader, and what was searched for in it.
   * @param {string} id
   * @param {string} [query]
   */
  reveal(id, query = "") {
    const view = this.#fetched(id);
    if (!view) return;
    this.#scroller.leave();
    view.comeNear();
    view.element.scrollIntoView({ block: "center" });
    view.body.focus({ preventScroll: true });
    this.#hits.show(view, query);
  }

  /** Has all messages on the page where this one is still to come. @param {string} id */
  #fetched(id) {
    if (!this.#views.has(id)) this.#bring(Infinity);
    return this.#views.get(id);
  }

  /**
   * Puts more of what is still to come before what is there, which is not touched: an answer may have grown since.
   * @param {number} count at most
   */
  #bring(count) {
    const start = Math.max(0, this.#absent - count);
    const earlier = this.#messages.slice(start, this.#absent).map((shown) => this.#create(shown, false));
    this.#absent = start;
    this.#views = new Map([...earlier.map((view) => /** @type {const} */ ([view.id, view])), ...this.#views]);
    this.#elements.list.prepend(...earlier.map(({ element }) => element));
  }

  /**
   * @param {number} near from which message on new ones are near what the reader sees
   * @returns {Map<string, MessageView>} of all that are not still to come
   */
  #updated(near) {
    /** @type {Map<string, MessageView>} */
    const views = new Map();
    for (const [index, shown] of this.#messages.entries()) {
      if (index < this.#absent) continue;
      const known = this.#views.get(shown.id);
      known?.show(shown);
      views.set(shown.id, known ?? this.#create(shown, index >= near));
    }
    return views;
  }

  /** @param {MessageView | null} view */
  #markLast(view) {
    if (view === this.#last) return;
    this.#last?.element.classList.remove("is-last");
    view?.element.classList.add("is-last");
    this.#last = view;
  }

  /**
   * @param {Shown} shown
   * @param {boolean} isNear
   */
  #create(shown, isNear) {
    const { question, answer } = this.#elements;
    const template = shown.role === "user" ? question : answer;
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const delegate = /** @type {TranscriptDelegate} */ (this.#delegate);
    const view = new MessageView(content, shown, this.#batcher, delegate, this.#openers);
    if (isNear) view.comeNear();
    else this.#near.await(view.element, () => view.comeNear());
    return view;
  }

  /**
   * Takes out what is gone and puts the rest in order, touching only what is in a wrong place.
   * @param {Map<string, MessageView>} views
   */
  #arrange(views) {
    const lost = this.#placeOfLostFocus(views);
    for (const [id, { element }] of this.#views) {
      if (views.has(id)) continue;
      this.#near.forget(element);
      element.remove();
    }
    this.#views = views;
    const { list } = this.#elements;
    /** @type {Element | null} */
    let place = list.firstElementChild;
    for (const { element } of views.values()) {
      if (element === place) place = element.nextElementSibling;
      else list.insertBefore(element, place);
    }
    if (lost >= 0) ([...views.values()][lost] ?? [...views.values()].at(-1))?.body.focus({ preventScroll: true });
  }

  /**
   * The place of the message that has the focus and is about to go, as an answer does that is written again. What comes into its place
   * gets the focus, so that the keyboard stays in the conversation.
   * @param {Map<string, MessageView>} views that stay or come
   * @returns {number} -1 where the focus is elsewhere, or its message stays
   */
  #placeOfLostFocus(views) {
    const focused = /** @type {HTMLElement | null | undefined} */ (document.activeElement?.closest(".message"))?.dataset.message;
    return focused === undefined || views.has(focused) ? -1 : [...this.#views.keys()].indexOf(focused);
  }

  /** @param {"welcome" | "loading" | "trouble" | null} what stands in place of messages */
  #instead(what) {
    const { welcome, loading, trouble } = this.#elements;
    welcome.hidden = what !== "welcome";
    loading.hidden = what !== "loading";
    trouble.hidden = what !== "trouble";
  }

  /**
   * Up and down lead from message to message while one has the focus.
   * @param {KeyboardEvent} event
   */
  #keyPressed(event) {
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    const { focused } = this;
    if (step === 0 || focused === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const ids = [...this.#views.keys()];
    const next = ids[ids.indexOf(focused) + step];
    if (next === undefined) return;
    event.preventDefault();
    this.focus(next);
  }
}
