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

/** Below this width it is a drawer; style.css has the same one. */
const NARROW = "(width < 56rem)";

export class SidebarView {
  #elements;
  #narrow = matchMedia(NARROW);
  #isOpen = false;
  #observer = new AbortController();

  /** @param {SidebarElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {SidebarDelegate} delegate */
  start(delegate) {
    const { sidebar, scrim, openButton, closeButton, search } = this.#elements;
    const { signal } = this.#observer;
    openButton.addEventListener("click", () => this.open(), { signal });
    closeButton.addEventListener("click", () => this.close(), { signal });
    scrim.addEventListener("click", () => this.close(), { signal });
    search.addEventListener("input", () => this.#searched(delegate), { signal });
    this.#elements.clearButton.addEventListener("click", () => this.#clearSearch(delegate), { signal });
    search.addEventListener("keydown", (event) => this.#searchKeyPressed(event, delegate), { signal });
    sidebar.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#narrow.addEventListener("change", () => this.#show(), { signal });
    this.#show();
  }

  stop() {
    this.#observer.abort();
  }

  open() {
    this.#isOpen = true;
    this.#show();
    if (this.#narrow.matches) this.#elements.closeButton.focus();
  }

  close() {
    const wasOpen = this.#isOpen && this.#narrow.matches;
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
    const isDrawer = this.#narrow.matches;
    sidebar.dataset.open = String(this.#isOpen);
    sidebar.inert = isDrawer && !this.#isOpen;
    rest.inert = isDrawer && this.#isOpen;
    scrim.hidden = !isDrawer || !this.#isOpen;
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
    if (event.key !== "Escape" || event.defaultPrevented || !this.#narrow.matches) return;
    event.preventDefault();
    this.close();
  }
}
