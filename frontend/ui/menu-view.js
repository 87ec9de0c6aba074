/** Menu that opens at a button. Arrow keys move in it; Escape or a click outside closes it. */

import { focusedIn } from "./focus.js";
import { placeBeside } from "./placing.js";

/** @typedef {{label: string, act: () => void, isGrave?: boolean}} MenuItem */

export class MenuView {
  #element = document.createElement("div");
  #landmark;
  /** @type {HTMLElement | null} */
  #opener = null;
  #observer = new AbortController();

  /** @param {HTMLElement} landmark part of the page that the menu belongs to */
  constructor(landmark) {
    this.#landmark = landmark;
    this.#element.className = "menu";
    this.#element.role = "menu";
    this.#element.popover = "auto";
    this.#element.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#element.addEventListener("toggle", (event) => this.#toggled(/** @type {ToggleEvent} */ (event)));
  }

  start() {
    this.#landmark.append(this.#element);
    window.addEventListener("resize", () => this.#resized(), { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
    this.#element.remove();
  }

  /**
   * @param {HTMLElement} opener
   * @param {string} label
   * @param {MenuItem[]} items
   */
  open(opener, label, items) {
    this.#opener = opener;
    this.#element.ariaLabel = label;
    this.#element.replaceChildren(...items.map((item) => this.#item(item)));
    this.#element.showPopover();
    placeBeside(this.#element, opener.getBoundingClientRect());
    this.#focus(0);
  }

  /** @param {MenuItem} item */
  #item({ label, act, isGrave = false }) {
    const button = document.createElement("button");
    button.type = "button";
    button.role = "menuitem";
    button.tabIndex = -1;
    button.className = isGrave ? "menu-item is-grave" : "menu-item";
    button.textContent = label;
    button.addEventListener("click", () => {
      this.#close();
      act();
    });
    return button;
  }

  /** Focus an item. @param {number} index its index; wraps around at both ends */
  #focus(index) {
    const items = [...this.#element.querySelectorAll("button")];
    items.at(index % items.length)?.focus();
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    const at = [...this.#element.children].indexOf(/** @type {Element} */ (focusedIn(this.#element)));
    const moves = new Map([["ArrowDown", at + 1], ["ArrowUp", at - 1], ["Home", 0], ["End", -1]]);
    const to = moves.get(event.key);
    if (event.key === "Escape" || event.key === "Tab") this.#close();
    else if (to === undefined) return;
    else this.#focus(to);
    event.preventDefault();
    event.stopPropagation();
  }

  /** Keep the menu at its button, and close it when the button is out of view. */
  #resized() {
    if (!this.#element.matches(":popover-open")) return;
    if (this.#opener?.checkVisibility()) placeBeside(this.#element, this.#opener.getBoundingClientRect());
    else this.#element.hidePopover();
  }

  #close() {
    this.#element.hidePopover();
    this.#opener?.focus();
  }

  /** @param {ToggleEvent} event */
  #toggled({ newState }) {
    if (this.#opener) this.#opener.ariaExpanded = String(newState === "open");
  }
}
