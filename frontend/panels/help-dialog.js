/** List of shortcuts, opened by the key `?` or a button. */

import { create } from "../ui/elements.js";

/** @typedef {import("../shortcuts.js").Shortcut} Shortcut */

export class HelpDialog {
  #button;
  #dialog;
  #observer = new AbortController();

  /**
   * @param {HTMLButtonElement} button
   * @param {Shortcut[]} shortcuts
   */
  constructor(button, shortcuts) {
    this.#button = button;
    this.#dialog = this.#createDialog(shortcuts);
  }

  start() {
    const { signal } = this.#observer;
    document.body.append(this.#dialog);
    this.#button.addEventListener("click", () => this.open(), { signal });
    document.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#dialog.addEventListener("keydown", (event) => this.#keyPressedInside(event), { signal });
    this.#dialog.addEventListener("click", (event) => this.#clicked(event), { signal });
  }

  stop() {
    this.#dialog.close();
    this.#observer.abort();
    this.#dialog.remove();
  }

  open() {
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    event.preventDefault();
    this.open();
  }

  /**
   * Close with Escape, which then doesn't stop the answer, or with a second `?`.
   * @param {KeyboardEvent} event
   */
  #keyPressedInside(event) {
    if (event.key !== "Escape" && event.key !== "?") return;
    event.preventDefault();
    event.stopPropagation();
    this.#dialog.close();
  }

  /**
   * Close with a click beside the dialog.
   * @param {MouseEvent} event
   */
  #clicked(event) {
    if (event.target === this.#dialog) this.#dialog.close();
  }

  /** @param {Shortcut[]} shortcuts */
  #createDialog(shortcuts) {
    const close = create("button", { type: "button", class: "icon-button", "aria-label": "Close" }, "✕");
    close.addEventListener("click", () => this.#dialog.close());
    return create(
      "dialog",
      { class: "help", id: "help", "aria-labelledby": "help-title" },
      create("div", { class: "side-panel-header" }, create("h2", { id: "help-title" }, "Keyboard shortcuts"), close),
      create(
        "div",
        { class: "help-body", tabindex: 0, role: "region", "aria-labelledby": "help-title" },
        create("dl", { class: "shortcuts" }, ...shortcuts.map(createRow)),
      ),
    );
  }
}

/** @param {Shortcut} shortcut */
function createRow({ keys, label, where }) {
  const place = where ? [" ", create("span", { class: "shortcut-where" }, where)] : [];
  return create("div", { class: "shortcut" }, create("dt", {}, ...keyElements(keys)), create("dd", {}, label, ...place));
}

/** @param {string[]} keys */
function keyElements(keys) {
  return keys.flatMap((key, index) => (index === 0 ? [create("kbd", {}, key)] : [" + ", create("kbd", {}, key)]));
}

/** @param {EventTarget | null} target */
function isWriting(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=radio], [type=range])"));
}
