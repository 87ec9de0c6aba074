/** Transcript of the open conversation: its messages, or the welcome, loading or error view. */

import { focusedIn } from "../ui/focus.js";
import { MarkdownText } from "./markdown-text.js";
import { copyTemplate } from "./message-templates.js";
import { MessageView } from "./message-view.js";
import { SearchHits } from "./search-hits.js";

/** @typedef {import("../chat/presenting.js").Shown} Shown */
/** @typedef {import("../ui/frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("../ui/menu-view.js").MenuView} MenuView */
/** @typedef {import("./markdown/idle-queue.js").IdleQueue} IdleQueue */
/** @typedef {import("./message-view.js").MessageDelegate} MessageDelegate */
/** @typedef {import("./near-observer.js").NearObserver} NearObserver */
/** @typedef {import("./scroller.js").Scroller} Scroller */
/**
 * @typedef {object} Surrounding
 * @property {HTMLElement} list
 * @property {HTMLElement} welcome
 * @property {HTMLElement} loading
 * @property {HTMLElement} trouble
 * @property {HTMLElement} troubleTitle
 * @property {HTMLElement} troubleText
 * @property {HTMLButtonElement} troubleButton
 * @typedef {Surrounding & import("./message-templates.js").MessageTemplates} TranscriptElements
 */
/** @typedef {{title: string, text: string, label: string, act: () => void}} Trouble label: text of the button */
/** @typedef {MessageDelegate & {transcriptSuggested: (text: string) => void}} TranscriptDelegate */

/**
 * Number of messages at the end that are rendered immediately. The others are rendered when they come near the
 * viewport, or in the pauses between frames.
 */
const AT_ONCE = 4;
/**
 * Number of messages at the end that are added when a conversation is opened; `AT_A_TIME` more are added in each later
 * turn.
 */
const AT_FIRST = 30;
const AT_A_TIME = 80;

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
  /** @type {Map<string, MessageView>} in the order of the page */
  #views = new Map();
  /** @type {MessageView | null} */
  #last = null;
  /** @type {Shown[]} */
  #messages = [];
  /** Number of messages at the start that are not on the page yet. */
  #missing = 0;
  /** @type {MessageView[]} messages to render in the pauses between frames; the next one is the last entry */
  #unrendered = [];
  #isPreparing = false;
  /** @type {(() => void)[]} calls that wait until all messages are on the page */
  #waiting = [];
  /** @type {(() => void) | null} */
  #troubleAct = null;
  #observer = new AbortController();

  /**
   * @param {TranscriptElements} elements
   * @param {FrameBatcher} batcher
   * @param {Scroller} scroller
   * @param {NearObserver} near
   * @param {IdleQueue} idle
   * @param {MenuView} menu menu for rarely used actions
   * @param {(file: import("../conversations/message-files.js").MessageFile) => void} openFile opens a message's file
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
    this.#elements.troubleButton.addEventListener("click", () => this.#troubleAct?.(), { signal });
    this.#elements.list.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    for (const button of this.#elements.welcome.querySelectorAll("button")) {
      const suggest = () => delegate.transcriptSuggested(button.textContent.trim());
      button.addEventListener("click", suggest, { signal });
    }
  }

  stop() {
    this.#observer.abort();
    this.#unrendered = [];
    MarkdownText.holdPainting(false);
    this.#near.stop();
    this.#menu.stop();
    this.#scroller.stop();
    this.#batcher.stop();
  }

  /** Show the welcome view of an empty conversation. */
  showWelcome() {
    this.clear();
    this.#showInstead("welcome");
    this.#scroller.goToStart();
  }

  showLoading() {
    this.clear();
    this.#showInstead("loading");
  }

  /** @param {Trouble} trouble */
  showTrouble({ title, text, label, act }) {
    const { troubleTitle, troubleText, troubleButton } = this.#elements;
    this.clear();
    this.#showInstead("trouble");
    troubleTitle.textContent = title;
    troubleText.textContent = text;
    troubleButton.textContent = label;
    this.#troubleAct = act;
  }

  /**
   * Show these messages and no others. Messages on the page are kept if they have not changed. A long conversation
   * starts with its end; the earlier messages follow in the next frames.
   * @param {Shown[]} messages
   */
  show(messages) {
    const isFirst = this.#views.size === 0;
    this.#messages = messages;
    this.#missing = Math.min(isFirst ? Infinity : this.#missing, Math.max(0, messages.length - AT_FIRST));
    this.#showInstead(null);
    const views = this.#updated(isFirst ? messages.length - AT_ONCE : 0);
    this.#arrange(views);
    this.#markLast([...views.values()].at(-1) ?? null);
    if (isFirst) this.#scroller.follow();
    this.#scheduleRest(isFirst);
  }

  /** Add the next earlier messages. Called by the batcher. */
  paint() {
    this.#addEarlier(AT_A_TIME);
    this.#scheduleRest();
  }

  /** Render every message now, before the page is printed. */
  prepareWhole() {
    this.#addEarlier(Infinity);
    this.#unrendered = [];
    for (const view of this.#views.values()) view.prepareWhole();
  }

  /**
   * Schedule the messages that are not on the page yet; once all are, start rendering them in the pauses between
   * frames. Formulas wait too: each pause with some of them would cost the page another layout.
   * @param {boolean} [isFirst] true to show those on the page in a frame of their own
   */
  #scheduleRest(isFirst = false) {
    MarkdownText.holdPainting(this.#missing > 0);
    if (this.#missing > 0) return isFirst ? this.#batcher.scheduleLater(this) : this.#batcher.schedule(this);
    this.#callWaiting();
    this.#unrendered = [...this.#views.values()].filter(({ isPainted }) => !isPainted);
    this.#prepareNext();
  }

  /** Render the remaining messages in the pauses between frames, the newest first. */
  #prepareNext() {
    if (this.#isPreparing || this.#unrendered.length === 0) return;
    this.#isPreparing = true;
    this.#idle.add(() => {
      this.#isPreparing = false;
      const view = this.#unrendered.at(-1);
      if (!view?.element.isConnected || view.prepare()) this.#unrendered.pop();
      this.#prepareNext();
    });
  }

  /**
   * Call in a pause between frames, once all messages are on the page.
   * @param {() => void} then a short piece of work
   */
  whenQuiet(then) {
    this.#idle.add(() => (this.#missing > 0 ? this.#waiting.push(then) : then()));
  }

  #callWaiting() {
    for (const then of this.#waiting.splice(0)) this.#idle.add(then);
  }

  /** Scroll to the end and keep it in view. */
  follow() {
    this.#scroller.follow();
  }

  clear() {
    this.#hits.clear();
    for (const { element } of this.#views.values()) this.#near.forget(element);
    this.#views = new Map();
    this.#messages = [];
    this.#missing = 0;
    this.#unrendered = [];
    this.#callWaiting();
    MarkdownText.holdPainting(false);
    this.#elements.list.replaceChildren();
  }

  /** @param {string} id */
  find(id) {
    return this.#views.get(id);
  }

  /** Stop following the end of the transcript. */
  leaveEnd() {
    this.#scroller.leave();
  }

  /** @returns {string | null} id of the message that has the focus, on itself or on one of its buttons */
  get focused() {
    const active = focusedIn(this.#elements.list);
    if (!active || active.matches("textarea, input")) return null;
    return /** @type {HTMLElement | null} */ (active.closest(".message"))?.dataset.message ?? null;
  }

  /** @param {string} id */
  focus(id) {
    const view = this.#ensureView(id);
    view?.comeNear();
    view?.body.focus({ preventScroll: false });
  }

  /**
   * Scroll to a message, and mark the search hits in it.
   * @param {string} id
   * @param {string} [query]
   */
  reveal(id, query = "") {
    const view = this.#ensureView(id);
    if (!view) return;
    this.#scroller.leave();
    view.comeNear();
    view.element.scrollIntoView({ block: "center" });
    view.body.focus({ preventScroll: true });
    this.showHits(view, query);
  }

  /**
   * Mark the search hits in a message, and scroll to the best one. The page marks hits in one message only.
   * @param {MessageView} view a message of the transcript, or an answer that is compared
   * @param {string} query
   */
  showHits(view, query) {
    this.#hits.show(view, query);
  }

  /** Return a message's view. If it is not on the page yet, add all messages first. @param {string} id */
  #ensureView(id) {
    if (!this.#views.has(id)) this.#addEarlier(Infinity);
    return this.#views.get(id);
  }

  /**
   * Add earlier messages before those on the page. Those stay as they are: an answer may have grown since.
   * @param {number} count largest number of messages to add
   */
  #addEarlier(count) {
    const start = Math.max(0, this.#missing - count);
    const earlier = this.#messages.slice(start, this.#missing).map((shown) => this.#create(shown, false));
    this.#missing = start;
    this.#views = new Map([...earlier.map((view) => /** @type {const} */ ([view.id, view])), ...this.#views]);
    this.#elements.list.prepend(...earlier.map(({ element }) => element));
  }

  /**
   * @param {number} near index from which on new messages are near the viewport
   * @returns {Map<string, MessageView>} the views of all messages that belong on the page
   */
  #updated(near) {
    /** @type {Map<string, MessageView>} */
    const views = new Map();
    for (const [index, shown] of this.#messages.entries()) {
      if (index < this.#missing) continue;
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
    const content = copyTemplate(this.#elements, shown.role);
    const delegate = /** @type {TranscriptDelegate} */ (this.#delegate);
    const view = new MessageView(content, shown, this.#batcher, delegate, this.#openers);
    if (isNear) view.comeNear();
    else this.#near.await(view.element, () => view.comeNear());
    return view;
  }

  /**
   * Remove the views of missing messages and put the others in order, moving only those in a wrong place.
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
   * Return the index of the focused message if it is about to be removed, for example an answer that is being
   * regenerated. The message that takes its place gets the focus, so that the arrow keys still work in the transcript.
   * @param {Map<string, MessageView>} views messages that will be on the page
   * @returns {number} -1 if the focus is elsewhere, or if its message stays
   */
  #placeOfLostFocus(views) {
    const focused = /** @type {HTMLElement | null | undefined} */ (focusedIn(this.#elements.list)?.closest(".message"))?.dataset.message;
    return focused === undefined || views.has(focused) ? -1 : [...this.#views.keys()].indexOf(focused);
  }

  /** @param {"welcome" | "loading" | "trouble" | null} what view to show instead of messages */
  #showInstead(what) {
    const { welcome, loading, trouble } = this.#elements;
    welcome.hidden = what !== "welcome";
    loading.hidden = what !== "loading";
    trouble.hidden = what !== "trouble";
  }

  /**
   * Move the focus from message to message with Up and Down, while a message has the focus.
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
