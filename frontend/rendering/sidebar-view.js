/** The side of the page that holds the conversations: always there on a wide screen, a drawer on a narrow one. */

import { isComposing } from "./submit-key.js";

/**
 * @typedef {object} SidebarElements
 * @property {HTMLElement} sidebar
 * @property {HTMLElement} scrim what lies over the rest of the page
 * @property {HTMLElement} rest of the page
 * @property {HTMLButtonElement} openButton
 * @property {HTMLButtonElement} closeButton
 * @property {HTMLInputElement} search
 * @property {HTMLButtonElement} clearButton of the search
 */
/** @typedef {{sidebarSearched: (text: string) => void}} SidebarDelegate */

export class SidebarView {
  #elements;
  #isOpen = false;
  #observer = new AbortController();
  /** The rest of the page gets another width when the list becomes a drawer, and when it ceases to be one. */
  #resized = new ResizeObserver(() => this.#show());

  /** @param {SidebarElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {SidebarDelegate} delegate */
  start(delegate) {
    const { sidebar, scrim, rest, openButton, closeButton, search } = this.#elements;
    const { signal } = this.#observer;
    openButton.addEventListener("click", () => this.open(), { signal });
    closeButton.addEventListener("click", () => this.close(), { signal });
    scrim.addEventListener("click", () => this.close(), { signal });
    search.addEventListener("input", () => this.#searched(delegate), { signal });
    this.#elements.clearButton.addEventListener("click", () => this.#clearSearch(delegate), { signal });
    search.addEventListener("keydown", (event) => this.#searchKeyPressed(event, delegate), { signal });
    sidebar.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#resized.observe(rest);
    this.#show();
  }

  stop() {
    this.#observer.abort();
    this.#resized.disconnect();
  }

  open() {
    this.#isOpen = true;
    this.#show();
    if (isDrawer()) this.#elements.closeButton.focus();
  }

  close() {
    const wasOpen = this.#isOpen && isDrawer();
    this.#isOpen = false;
    this.#show();
    if (wasOpen) this.#elements.openButton.focus();
  }

  /** Has the reader type what to search for. */
  search() {
    this.open();
    this.#elements.search.focus();
    this.#elements.search.select();
  }

  #show() {
    const { sidebar, scrim, rest, openButton } = this.#elements;
    const isCovering = isDrawer();
    sidebar.dataset.open = String(this.#isOpen);
    sidebar.inert = isCovering && !this.#isOpen;
    rest.inert = isCovering && this.#isOpen;
    scrim.hidden = !isCovering || !this.#isOpen;
    openButton.ariaExpanded = String(this.#isOpen);
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
