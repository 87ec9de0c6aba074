/** Theme and text size in this browser. `first-paint.js` applies them to the page. */

import { KEY as DRAFT_KEY, readDraftAhead } from "../composer/draft-ahead.js";
import { create, createButton } from "../ui/elements.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {"system" | "light" | "dark"} Theme */
/** @typedef {{theme: Theme, textSize: number}} Appearance textSize in per cent */

export const KEY = "streamui.appearance.v1";
export const TEXT_SIZES = [87.5, 100, 112.5, 125, 137.5, 150];
/** @type {Record<Theme, string>} */
const THEMES = { system: "System", light: "Light", dark: "Dark" };

/**
 * @param {unknown} value
 * @returns {Appearance}
 */
export function readAppearance(value) {
  const { theme, textSize } = /** @type {{theme?: unknown, textSize?: unknown}} */ (value ?? {});
  return {
    theme: theme === "light" || theme === "dark" ? theme : "system",
    textSize: TEXT_SIZES.find((size) => size === textSize) ?? 100,
  };
}

export class AppearancePanel {
  name = "appearance";
  title = "Appearance";
  #storage;
  /** @type {HTMLInputElement[]} */
  #themes;
  #size;
  #sizeText = create("output", { class: "size-text", for: "text-size" });
  #draftAhead = create("input", { type: "checkbox", id: "draft-ahead" });

  /**
   * @param {Keeping} storage
   * @param {() => void} helpWanted
   */
  constructor(storage, helpWanted) {
    this.#storage = storage;
    this.#themes = Object.keys(THEMES).map((theme) => create("input", { type: "radio", name: "theme", value: theme }));
    this.#size = create("input", {
      type: "range", id: "text-size", min: TEXT_SIZES[0], max: TEXT_SIZES.at(-1), step: 12.5,
    });
    this.element = create("div", {}, this.#createThemes(), this.#createSize(), this.#createTyping(), createHelp(helpWanted));
    this.#draftAhead.addEventListener("input", () => this.#draftAheadChanged());
    for (const input of [...this.#themes, this.#size]) input.addEventListener("input", () => this.#changed());
    this.shown();
  }

  /** Read the stored values again: another tab may have changed them. */
  shown() {
    const { theme, textSize } = readAppearance(this.#storage.read(KEY));
    for (const input of this.#themes) input.checked = input.value === theme;
    this.#size.value = String(textSize);
    this.#draftAhead.checked = readDraftAhead(this.#storage.read(DRAFT_KEY));
    this.#describeSize();
  }

  #draftAheadChanged() {
    this.#storage.write(DRAFT_KEY, { on: this.#draftAhead.checked });
    document.dispatchEvent(new Event("draftaheadchange"));
  }

  #changed() {
    const theme = this.#themes.find(({ checked }) => checked)?.value;
    const appearance = readAppearance({ theme, textSize: Number(this.#size.value) });
    this.#describeSize();
    this.#storage.write(KEY, appearance);
    document.dispatchEvent(new CustomEvent("appearancechange", { detail: appearance }));
  }

  #describeSize() {
    const words = `${Number(this.#size.value)}%`;
    this.#sizeText.textContent = words;
    this.#size.setAttribute("aria-valuetext", words);
  }

  #createThemes() {
    const choices = this.#themes.map((input) => {
      return create("label", { class: "choice" }, input, THEMES[/** @type {Theme} */ (input.value)]);
    });
    return create("fieldset", { class: "panel-group" }, create("legend", {}, "Theme"), create("div", { class: "choices" }, ...choices));
  }

  #createTyping() {
    const choice = create("label", { class: "choice", for: "draft-ahead" }, this.#draftAhead, "Let the model read while you write");
    const hint = "Answers to long messages start sooner. Unsent text goes to the server, which does not store it.";
    return create(
      "div",
      { class: "panel-group" },
      create("p", { class: "panel-title" }, "Writing"),
      choice,
      create("p", { class: "field-hint" }, hint),
    );
  }

  #createSize() {
    const label = create("label", { for: "text-size", class: "panel-title" }, "Text size");
    const hint = create("p", { class: "field-hint" }, "Saved in this browser, for all chats.");
    return create(
      "div",
      { class: "panel-group" },
      create("div", { class: "field-head" }, label, this.#sizeText),
      this.#size,
      hint,
    );
  }
}

/** @param {() => void} helpWanted */
function createHelp(helpWanted) {
  return create("div", { class: "panel-group" }, createButton("Keyboard shortcuts", helpWanted));
}
