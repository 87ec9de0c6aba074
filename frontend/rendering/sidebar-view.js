/** Sidebar with the chats. On a wide page it is beside the chat and can be hidden; on a narrow page it is a drawer. */

import { isComposing } from "../ui/submit-key.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/**
 * @typedef {object} SidebarElements
 * @property {HTMLElement} sidebar
 * @property {HTMLElement} scrim layer over the rest of the page
 * @property {HTMLElement} rest the rest of the page
 * @property {HTMLButtonElement} openButton button outside the sidebar
 * @property {HTMLButtonElement} closeButton button in the sidebar
 * @property {HTMLInputElement} search
 * @property {HTMLButtonElement} clearButton button that empties the search
 */
/**
 * @typedef {object} SidebarDelegate
 * @property {(text: string) => void} sidebarSearched
 * @property {() => void} sidebarShown called when the sidebar becomes visible
 */

/** Storage key for whether the sidebar is hidden beside the chat; first-paint.js reads the same key. */
export const KEY = "streamui.sidebar.v1";

/** Owns two states: the drawer is open; the sidebar beside the chat is hidden. */
export class SidebarView {
  #elements;
  #storage;
  #isOpen = false;
  #isCollapsed;
  #isShown = false;
  /** @type {SidebarDelegate | null} */
  #delegate = null;
  #observer = new AbortController();
  /** The width of the rest of the page changes when the sidebar becomes a drawer, or stops being one. */
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

  /** Show the sidebar, as a drawer or beside the chat. */
  open() {
    if (isDrawer()) this.#isOpen = true;
    else this.#collapse(false);
    this.#show();
  }

  /** Close the drawer. A sidebar beside the chat stays. */
  close() {
    const wasOpen = this.#isOpen && isDrawer();
    this.#isOpen = false;
    this.#show();
    if (wasOpen) this.#elements.openButton.focus();
  }

  /** Show or hide the sidebar. The focus moves only if its element would be hidden or behind the drawer. */
  toggle() {
    const { sidebar } = this.#elements;
    if (!this.#isShown && isDrawer()) this.#openFromButton();
    else if (!this.#isShown) this.open();
    else if (isDrawer() || sidebar.contains(document.activeElement)) this.#closeFromButton();
    else this.#hide();
  }

  /** Show the sidebar and focus the search field. */
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
    this.#isOpen &&= isDrawer(); // A page that becomes narrow must not start with an open drawer.
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
   * Empty the search on Escape; a second Escape closes the drawer.
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

/** Return true if the sidebar is a drawer. first-paint.js measures the room. */
function isDrawer() {
  return document.documentElement.matches('[data-room~="drawer"]');
}
