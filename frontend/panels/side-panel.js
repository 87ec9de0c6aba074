/**
 * Panel beside the chat, with a tab for each of its views. In a wide window the chat remains usable beside it; on a
 * small screen the panel covers the page and keeps the focus.
 */

import { create } from "../ui/elements.js";

/**
 * @typedef {object} View
 * @property {string} name one word, for ids
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} [shown] called after the view was shown
 * @property {() => void} [hidden] called after the view was hidden
 */

export class SidePanel {
  #button;
  #views;
  #dialog;
  #tabs;
  #selected = 0;
  #observer = new AbortController();

  /**
   * @param {HTMLButtonElement} button that opens and closes it
   * @param {View[]} views
   */
  constructor(button, views) {
    this.#button = button;
    this.#views = views;
    this.#tabs = views.map(createTab);
    this.#dialog = this.#createDialog();
  }

  start() {
    const { signal } = this.#observer;
    document.body.append(this.#dialog);
    this.#button.setAttribute("aria-expanded", "false");
    this.#button.addEventListener("click", () => this.toggle(), { signal });
    this.#dialog.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#dialog.addEventListener("close", () => this.#closed(), { signal });
    for (const [index, tab] of this.#tabs.entries()) {
      tab.addEventListener("click", () => this.select(index), { signal });
    }
    this.#showSelected();
  }

  stop() {
    this.close();
    this.#observer.abort();
    this.#dialog.remove();
  }

  toggle() {
    if (this.#dialog.open) this.close();
    else this.open();
  }

  open() {
    if (this.#dialog.open) return;
    if (isBeside()) this.#dialog.show();
    else this.#dialog.showModal();
    this.#showOpen(true);
    this.#tabs[this.#selected]?.focus();
    this.#views[this.#selected]?.shown?.();
  }

  /**
   * Open the panel at one of its views.
   * @param {string} name of the view
   */
  show(name) {
    this.select(this.#views.findIndex((view) => view.name === name));
    this.open();
  }

  /** Close the panel. The browser returns the focus to where it was before. */
  close() {
    this.#dialog.close();
    this.#showOpen(false);
  }

  /** @param {number} index */
  select(index) {
    if (index === this.#selected) return;
    const before = this.#views[this.#selected];
    this.#selected = index;
    this.#showSelected();
    if (!this.#dialog.open) return;
    before?.hidden?.();
    this.#views[index]?.shown?.();
  }

  #closed() {
    this.#showOpen(false);
    this.#views[this.#selected]?.hidden?.();
  }

  /**
   * Style sheets read the attribute of the body. With `body:has(…)` the browser would search the whole page after each
   * change of the transcript.
   * @param {boolean} isOpen
   */
  #showOpen(isOpen) {
    this.#button.setAttribute("aria-expanded", String(isOpen));
    document.body.toggleAttribute("data-panel-open", isOpen);
  }

  #showSelected() {
    for (const [index, view] of this.#views.entries()) {
      const isSelected = index === this.#selected;
      view.element.hidden = !isSelected;
      this.#tabs[index]?.setAttribute("aria-selected", String(isSelected));
      this.#tabs[index]?.setAttribute("tabindex", isSelected ? "0" : "-1");
    }
  }

  /**
   * Close with Escape, which then doesn't stop the answer; move between the tabs with arrow keys.
   * @param {KeyboardEvent} event
   */
  #keyPressed(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      return this.close();
    }
    const index = this.#tabs.findIndex((tab) => tab === event.target);
    const next = index === -1 ? -1 : nextTab(event.key, index, this.#tabs.length);
    if (next === -1) return;
    event.preventDefault();
    this.select(next);
    this.#tabs[next]?.focus();
  }

  #createDialog() {
    const close = create("button", { type: "button", class: "icon-button", "aria-label": "Close settings" }, "✕");
    close.addEventListener("click", () => this.close());
    for (const view of this.#views) {
      view.element.classList.add("side-panel-view");
      view.element.id = `panel-${view.name}`;
      view.element.setAttribute("role", "tabpanel");
      view.element.setAttribute("aria-labelledby", `tab-${view.name}`);
      view.element.tabIndex = 0;
    }
    const tabs = create("div", { class: "side-panel-tabs", role: "tablist", "aria-label": "Settings" }, ...this.#tabs);
    return create(
      "dialog",
      { class: "side-panel", id: "side-panel", "aria-labelledby": "side-panel-title" },
      create("h2", { class: "visually-hidden", id: "side-panel-title" }, "Settings"),
      create("div", { class: "side-panel-header" }, tabs, close),
      ...this.#views.map(({ element }) => element),
    );
  }
}

/** Check if there is room for the chat beside the panel. first-paint.js measures the room. */
function isBeside() {
  return !document.documentElement.matches('[data-room~="cover"]');
}

/** @param {View} view */
function createTab({ name, title }) {
  const attributes = { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, class: "side-panel-tab" };
  return create("button", attributes, title);
}

/**
 * @param {string} key
 * @param {number} index
 * @param {number} count
 * @returns {number} -1 for any other key
 */
function nextTab(key, index, count) {
  switch (key) {
    case "ArrowRight":
      return (index + 1) % count;
    case "ArrowLeft":
      return (index + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return -1;
  }
}
