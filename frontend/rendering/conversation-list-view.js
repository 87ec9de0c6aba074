/** List of conversations in groups, or the results of a search. */

import { reasonFor } from "../conversations/api-error.js";
import { groupsOf } from "../conversations/date-groups.js";
import { timesOf } from "../conversations/row-times.js";
import { ConversationRow, UNTITLED } from "./conversation-row.js";

/** @typedef {import("../conversations/api.js").Found} Found */
/** @typedef {import("../conversations/date-groups.js").Group} Group */
/** @typedef {import("../conversations/library.js").Holdings} Holdings */
/** @typedef {import("../ui/menu-view.js").MenuView} MenuView */
/**
 * @typedef {object} ListElements
 * @property {HTMLElement} list
 * @property {HTMLElement} words message that is shown below the list, or instead of it
 * @property {HTMLButtonElement} retry
 * @property {HTMLElement} end element after the last row; when it comes into view, more rows are loaded
 */
/**
 * @typedef {object} ListDelegate
 * @property {(id: string, message: string | null) => void} listOpened
 * @property {(id: string, title: string) => void} listRenamed
 * @property {(id: string, isPinned: boolean) => void} listPinned
 * @property {(id: string, format: "json" | "markdown") => void} listExported
 * @property {(id: string) => void} listDeleted
 * @property {() => void} listRetried
 * @property {() => void} listReachedEnd
 */

export class ConversationListView {
  #elements;
  #menu;
  /** @type {ListDelegate | null} */
  #delegate = null;
  /** @type {Map<string, ConversationRow>} */
  #rows = new Map();
  /** @type {Map<string, Found>} */
  #shown = new Map();
  /** @type {string | null} id of the open conversation */
  #open = null;
  /** @type {string | null} id of the conversation to scroll into view once its row is visible */
  #revealNext = null;
  /**
   * Order of rows and groups, as JSON. While it is the same, no row is moved, so that the focused row keeps the focus.
   */
  #arrangement = "";
  /** @type {Holdings | null} newest content, shown after the user has finished renaming a conversation */
  #postponed = null;
  #observer = new AbortController();
  #ends = new IntersectionObserver((entries) => this.#sawEnd(entries));

  /**
   * @param {ListElements} elements
   * @param {MenuView} menu
   */
  constructor(elements, menu) {
    this.#elements = elements;
    this.#menu = menu;
  }

  /** @param {ListDelegate} delegate */
  start(delegate) {
    const { list, retry, end } = this.#elements;
    const { signal } = this.#observer;
    this.#delegate = delegate;
    this.#menu.start();
    list.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    list.addEventListener("focusin", (event) => this.#focused(event), { signal });
    retry.addEventListener("click", () => delegate.listRetried(), { signal });
    this.#ends.observe(end);
  }

  stop() {
    this.#observer.abort();
    this.#ends.disconnect();
    this.#menu.stop();
  }

  /** @param {Holdings} holdings */
  show(holdings) {
    if ([...this.#rows.values()].some(({ isRenaming }) => isRenaming)) this.#postponed = holdings;
    else this.#show(holdings);
  }

  /** @param {Holdings} holdings */
  #show(holdings) {
    const { conversations, query, hasMore } = holdings;
    this.#postponed = null;
    const times = timesOf(conversations, new Date());
    this.#rows = new Map(conversations.map((found) => [found.id, this.#row(found, times.get(found.id) ?? "")]));
    this.#shown = new Map(conversations.map((found) => [found.id, found]));
    this.#arrange(query === "" ? groupsOf(conversations, new Date()) : [{ name: "Results", conversations }]);
    this.#elements.end.hidden = !hasMore;
    this.#showWords(holdings);
    this.mark(this.#open);
    this.#revealRow();
  }

  /** @param {Group[]} groups */
  #arrange(groups) {
    const arrangement = JSON.stringify(groups.map(({ name, conversations }) => [name, ...conversations.map(({ id }) => id)]));
    if (arrangement === this.#arrangement) return;
    this.#arrangement = arrangement;
    const focused = document.activeElement;
    if (this.#isInView(this.#open)) this.#revealNext ??= this.#open;
    const shown = groups.filter(({ conversations }) => conversations.length > 0);
    this.#elements.list.replaceChildren(...shown.map((group) => this.#group(group)));
    if (focused instanceof HTMLElement && this.#elements.list.contains(focused)) focused.focus();
  }

  /** Mark the row of the open conversation. @param {string | null} open its id */
  mark(open) {
    if (open !== null && open !== this.#open) this.reveal(open);
    this.#open = open;
    for (const [id, row] of this.#rows) row.mark(id === open);
    this.#order(open !== null && this.#rows.has(open) ? open : ([...this.#rows.keys()][0] ?? null));
  }

  /**
   * Scroll a row into view, once it is in the list and the list is visible.
   * @param {string} id
   */
  reveal(id) {
    this.#revealNext = id;
    nextFrame(() => this.#revealRow());
  }

  /** Scroll to the open conversation when the list becomes visible again. */
  shown() {
    this.#revealNext ??= this.#open;
    this.#revealRow();
  }

  #revealRow() {
    const row = this.#revealNext === null ? undefined : this.#rows.get(this.#revealNext);
    if (!row?.element.checkVisibility()) return;
    this.#revealNext = null;
    row.element.scrollIntoView({ block: "nearest" });
  }

  /** @param {string | null} id */
  #isInView(id) {
    const row = id === null ? undefined : this.#rows.get(id)?.element;
    const view = this.#elements.list.parentElement?.getBoundingClientRect();
    if (!row?.isConnected || !view) return false;
    const { top, bottom } = row.getBoundingClientRect();
    return top < view.bottom && bottom > view.top;
  }

  /**
   * @param {Found} found
   * @param {string} time
   */
  #row(found, time) {
    const known = this.#rows.get(found.id);
    known?.show(found, time);
    return (
      known ??
      new ConversationRow(found, time, {
        rowOpened: (id, message) => this.#delegate?.listOpened(id, message),
        rowAsked: (id, button) => this.#openMenu(id, button),
        rowRenamed: (id, title) => this.#renamed(id, title),
      })
    );
  }

  /** @param {Group} group */
  #group({ name, conversations }) {
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    const list = document.createElement("ul");
    section.className = "group";
    heading.className = "group-name";
    heading.textContent = name;
    section.ariaLabel = name;
    list.className = "rows";
    list.append(...conversations.flatMap(({ id }) => this.#rows.get(id)?.element ?? []));
    section.append(heading, list);
    return section;
  }

  /**
   * @param {string} id
   * @param {string | null} title null if the title was not changed
   */
  #renamed(id, title) {
    if (this.#postponed) this.#show(this.#postponed);
    if (title !== null) this.#delegate?.listRenamed(id, title);
  }

  /** @param {Holdings} holdings */
  #showWords(holdings) {
    const { words, retry } = this.#elements;
    words.textContent = sentence(holdings);
    words.hidden = words.textContent === "";
    words.dataset.tone = holdings.phase === "failed" ? "bad" : "quiet";
    retry.hidden = holdings.phase !== "failed";
  }

  /**
   * @param {string} id
   * @param {HTMLElement} button
   */
  #openMenu(id, button) {
    const found = this.#shown.get(id);
    const delegate = this.#delegate;
    if (!found || !delegate) return;
    this.#menu.open(button, found.title || UNTITLED, [
      { label: "Rename", act: () => this.#rows.get(id)?.rename() },
      { label: found.pinned ? "Unpin" : "Pin", act: () => delegate.listPinned(id, !found.pinned) },
      { label: "Export as Markdown", act: () => delegate.listExported(id, "markdown") },
      { label: "Export as JSON", act: () => delegate.listExported(id, "json") },
      { label: "Delete", act: () => this.#delete(id), isGrave: true },
    ]);
  }

  /**
   * Delete a conversation, and focus the row that takes its place.
   * @param {string} id
   */
  #delete(id) {
    const ids = [...this.#rows.keys()];
    const at = ids.indexOf(id);
    const neighbour = ids[at + 1] ?? ids[at - 1];
    this.#delegate?.listDeleted(id);
    if (neighbour !== undefined) this.#focus(neighbour);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    const id = this.#idOf(event.target);
    if (id === null || !(event.target instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const ids = [...this.#rows.keys()];
    const at = ids.indexOf(id);
    const moves = new Map([["ArrowDown", at + 1], ["ArrowUp", at - 1], ["Home", 0], ["End", ids.length - 1]]);
    const to = ids[moves.get(event.key) ?? -1];
    if (event.key === "F2") this.#rows.get(id)?.rename();
    else if (event.key === "Delete") this.#delete(id);
    else if (to === undefined) return;
    else this.#focus(to);
    event.preventDefault();
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    const id = this.#idOf(event.target);
    if (id !== null) this.#order(id);
  }

  /** @param {EventTarget | null} target */
  #idOf(target) {
    const element = target instanceof Element ? target.closest(".row") : null;
    return [...this.#rows].find(([, row]) => row.element === element)?.[0] ?? null;
  }

  /** @param {string} id */
  #focus(id) {
    this.#rows.get(id)?.focus();
  }

  /** Let the Tab key reach one row only. @param {string | null} entry id of that row */
  #order(entry) {
    for (const [id, row] of this.#rows) row.setInTabOrder(id === entry);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #sawEnd(entries) {
    if (entries.some(({ isIntersecting }) => isIntersecting)) this.#delegate?.listReachedEnd();
  }
}

/** @param {Holdings} holdings */
function sentence({ phase, error, query, conversations }) {
  if (phase === "failed") return `Couldn't load your chats. ${reasonFor(error)}`;
  if (phase === "loading") return conversations.length > 0 ? "" : query === "" ? "Loading…" : "Searching…";
  if (conversations.length > 0) return "";
  return query === "" ? "Your chats will appear here." : `No results for “${query}”`;
}

/**
 * Call in the next frame, which lays the page out anyway: to ask for a place on the page before costs a layout more.
 * @param {() => void} then
 */
function nextFrame(then) {
  if ("requestAnimationFrame" in globalThis) requestAnimationFrame(then);
  else then();
}
