/** The sidebar with the chats: beside the open chat, where the reader can close it for good; or a drawer, where there is no room. */

import { isComposing } from "./submit-key.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/**
 * @typedef {object} SidebarElements
 * @property {HTMLElement} sidebar
 * @property {HTMLElement} scrim what lies over the rest of the page
 * @property {HTMLElement} rest of the page
 * @property {HTMLButtonElement} openButton in the rest of the page
 * @property {HTMLButtonElement} closeButton in the sidebar
 * @property {HTMLInputElement} search
 * @property {HTMLButtonElement} clearButton of the search
 */
/**
 * @typedef {object} SidebarDelegate
 * @property {(text: string) => void} sidebarSearched
 * @property {() => void} sidebarShown it was hidden before
 */

/** Where the browser keeps whether it is closed beside the chat; first-paint.js reads the same key. */
export const KEY = "streamui.sidebar.v1";

/** Owns whether the drawer is open, and whether the sidebar beside the chat is closed. */
export class SidebarView {
  #elements;
  #storage;
  #isOpen = false;
  #isCollapsed;
  #isShown = false;
  /** @type {SidebarDelegate | null} */
  #delegate = null;
  #observer = new AbortController();
  /** The rest of the page gets another width when the sidebar becomes a drawer, and when it ceases to be one. */
  #resized = new ResizeObserver(() => this.#show());

  /**
   * @param {SidebarElements} elements
   * @param {Keeping} storage
   */
  constructor(elements, storage) {
    this.#elements = elements;
    this.#storage = storage;
    this.#isCollapsed = storage.read(KEY) === "collapsed";
  }

  /** @param {SidebarDelegate} delegate */
  start(delegate) {
    const { sidebar, scrim, rest, openButton, closeButton, search, clearButton } = this.#elements;
    const { signal } = this.#observer;
    this.#delegate = delegate;
    openButton.addEventListener("click", () => this.#openFromButton(), { signal });
    closeButton.addEventListener("click", () => this.#closeFromButton(), { signal });
    scrim.addEventListener("click", () => this.close(), { signal });
    search.addEventListener("input", () => this.#searched(delegate), { signal });
    search.addEventListener("keydown", (event) => this.#searchKeyPressed(event, delegate), { signal });
    clearButton.addEventListener("click", () => this.#clearSearch(delegate), { signal });
    sidebar.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#resized.observe(rest);
    this.#show();
  }

  stop() {
    this.#observer.abort();
    this.#resized.disconnect();
  }

  /** Shows the sidebar, as a drawer or beside the chat. */
  open() {
    if (isDrawer()) this.#isOpen = true;
    else this.#collapse(false);
    this.#show();
  }

  /** Closes the drawer, if it is one. */
  close() {
    const wasOpen = this.#isOpen && isDrawer();
    this.#isOpen = false;
    this.#show();
    if (wasOpen) this.#elements.openButton.focus();
  }

  /** Shows or hides the sidebar. The focus stays, unless it would be hidden or behind a drawer. */
  toggle() {
    const { sidebar } = this.#elements;
    if (!this.#isShown && isDrawer()) this.#openFromButton();
    else if (!this.#isShown) this.open();
    else if (isDrawer() || sidebar.contains(document.activeElement)) this.#closeFromButton();
    else this.#hide();
  }

  /** Lets the reader type a search. */
  search() {
    this.open();
    this.#elements.search.focus();
    this.#elements.search.select();
  }

  #openFromButton() {
    this.open();
    this.#elements.closeButton.focus();
  }

  #closeFromButton() {
    this.#hide();
    this.#elements.openButton.focus();
  }

  #hide() {
    if (isDrawer()) this.#isOpen = false;
    else this.#collapse(true);
    this.#show();
  }

  /** @param {boolean} isCollapsed */
  #collapse(isCollapsed) {
    if (isCollapsed === this.#isCollapsed) return;
    this.#isCollapsed = isCollapsed;
    this.#storage.write(KEY, isCollapsed ? "collapsed" : "open");
  }

  #show() {
    const { sidebar, scrim, rest, openButton, closeButton } = this.#elements;
    const wasShown = this.#isShown;
    this.#isOpen &&= isDrawer(); // so that a page that gets narrow never begins with an open drawer
    this.#isShown = isDrawer() ? this.#isOpen : !this.#isCollapsed;
    document.documentElement.dataset.sidebar = this.#isCollapsed ? "collapsed" : "open";
    sidebar.dataset.open = String(this.#isOpen);
    sidebar.inert = !this.#isShown;
    rest.inert = this.#isOpen;
    scrim.hidden = !this.#isOpen;
    for (const button of [openButton, closeButton]) button.ariaExpanded = String(this.#isShown);
    if (this.#isShown && !wasShown) this.#delegate?.sidebarShown();
  }

  /**
   * Escape first empties the search.
   * @param {KeyboardEvent} event
   * @param {SidebarDelegate} delegate
   */
  #searchKeyPressed(event, delegate) {
    const { search, sidebar } = this.#elements;
    if (isComposing(event)) return;
    if (event.key === "ArrowDown") {
      event.preventDefault();
      /** @type {HTMLElement | null} */ (sidebar.querySelector(".row-link"))?.focus();
    }
    if (event.key !== "Escape" || search.value === "") return;
    event.preventDefault();
    this.#clearSearch(delegate);
  }

  /** @param {SidebarDelegate} delegate */
  #clearSearch(delegate) {
    const { search } = this.#elements;
    search.value = "";
    search.focus();
    this.#searched(delegate);
  }

  /** @param {SidebarDelegate} delegate */
  #searched(delegate) {
    const { search, clearButton } = this.#elements;
    clearButton.hidden = search.value === "";
    delegate.sidebarSearched(search.value);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !isDrawer()) return;
    event.preventDefault();
    this.close();
  }
}

/** Whether the list covers the page, for lack of room: first-paint.js measures. */
function isDrawer() {
  return document.documentElement.matches('[data-room~="drawer"]');
}
