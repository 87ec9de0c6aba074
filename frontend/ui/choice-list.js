/**
 * List of choices that opens at a button, with a field that filters it: a combobox with a list box, as the ARIA
 * Authoring Practices describe it. The focus stays in the field; `aria-activedescendant` names the active choice.
 */

import { create } from "./elements.js";
import { isComposing, isTouchDevice } from "./submit-key.js";

/**
 * @typedef {object} Choice
 * @property {string} value unique in the list
 * @property {string} name
 * @property {string} facts one line below the name, or ""
 * @property {string} [note] sentence below it, such as the reason why it can't be chosen
 * @property {boolean} [isDisabled]
 * @property {string} [words] further words that find it
 */
/** @typedef {{label: string, choices: Choice[]}} ChoiceGroup */
/**
 * @typedef {object} ChoiceListWords
 * @property {string} title of the list
 * @property {string} search name of the field
 * @property {string} none what the list says if no choice matches
 */
/**
 * @typedef {object} ChoiceListDelegate
 * @property {(value: string) => void} chosen
 * @property {() => void} [opening] called before the list is shown
 */

export class ChoiceList {
  #button;
  #words;
  #element;
  #field;
  #list;
  #said = create("p", { class: "chooser-said", role: "status" });
  #observer = new AbortController();
  /** @type {ChoiceListDelegate | null} */
  #delegate = null;
  /** @type {ChoiceGroup[]} */
  #groups = [];
  /** Groups and selected value as they are in the document, so that the same ones are not built again. */
  #built = "";
  /** @type {string | undefined} */
  #selected;
  /** Elements of the choices, by their value. @type {Map<string, {choice: Choice, option: HTMLElement, text: string}>} */
  #options = new Map();
  /** @type {string | undefined} value of the choice that Enter chooses */
  #active;

  /**
   * @param {HTMLButtonElement} button
   * @param {ChoiceListWords} words
   * @param {Node[]} foot elements below the list
   */
  constructor(button, words, foot = []) {
    this.#button = button;
    this.#words = words;
    const list = `${button.id}-list`;
    this.#list = create("div", { class: "chooser-list", role: "listbox", id: list, "aria-label": words.title });
    this.#field = create("input", {
      type: "text", class: "chooser-field", role: "combobox", "aria-label": words.search, placeholder: words.search, "aria-controls": list,
      "aria-expanded": "true", "aria-autocomplete": "list", autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "done",
      maxlength: 200,
    });
    this.#element = create(
      "div",
      { class: "chooser", popover: "auto", role: "dialog", "aria-label": words.title, tabindex: -1 },
      this.#field,
      this.#said,
      this.#list,
      ...(foot.length > 0 ? [create("div", { class: "chooser-foot" }, ...foot)] : []),
    );
  }

  /** @param {ChoiceListDelegate} delegate */
  start(delegate) {
    const { signal } = this.#observer;
    this.#delegate = delegate;
    this.#button.after(this.#element);
    this.#button.setAttribute("aria-haspopup", "dialog");
    this.#button.ariaExpanded = "false";
    this.#button.popoverTargetElement = this.#element;
    this.#button.addEventListener("keydown", (event) => this.#buttonPressed(event), { signal });
    this.#element.addEventListener("beforetoggle", (event) => this.#toggling(/** @type {ToggleEvent} */ (event)), { signal });
    this.#element.addEventListener("toggle", (event) => this.#toggled(/** @type {ToggleEvent} */ (event)), { signal });
    this.#element.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#element.addEventListener("focusout", (event) => this.#left(event), { signal });
    this.#field.addEventListener("input", () => this.#filter(), { signal });
    // The focus stays in the field, or the on-screen keyboard would close and open again.
    this.#list.addEventListener("mousedown", (event) => event.preventDefault(), { signal });
    this.#list.addEventListener("click", (event) => this.#clicked(event), { signal });
    window.addEventListener("resize", () => this.#place(), { signal });
    window.visualViewport?.addEventListener("resize", () => this.#place(), { signal });
  }

  stop() {
    this.#observer.abort();
    this.#element.remove();
  }

  close() {
    if (this.#isOpen) this.#element.hidePopover();
  }

  /**
   * Show these choices. An open list keeps its filter, its active choice and its position.
   * @param {ChoiceGroup[]} groups
   * @param {string | undefined} selected
   */
  show(groups, selected) {
    this.#groups = groups;
    this.#selected = selected;
    if (this.#isOpen) this.#build();
  }

  get #isOpen() {
    return this.#element.matches(":popover-open");
  }

  /** Build the list, unless it is there already. */
  #build() {
    const key = JSON.stringify([this.#groups, this.#selected]);
    if (key === this.#built) return;
    this.#built = key;
    const { scrollTop } = this.#list;
    this.#options.clear();
    this.#list.replaceChildren(...this.#groups.filter(({ choices }) => choices.length > 0).map((group, index) => this.#createGroup(group, index)));
    this.#list.scrollTop = scrollTop;
    this.#apply();
  }

  /**
   * @param {ChoiceGroup} group
   * @param {number} index
   */
  #createGroup({ label, choices }, index) {
    const id = `${this.#list.id}-group-${index}`;
    return create(
      "div",
      { class: "chooser-group", role: "group", "aria-labelledby": id },
      create("div", { class: "chooser-label", id, role: "presentation" }, label),
      ...choices.map((choice) => this.#createOption(choice)),
    );
  }

  /** @param {Choice} choice */
  #createOption(choice) {
    const { value, name, facts, note = "", isDisabled = false, words = "" } = choice;
    const option = create(
      "div",
      {
        class: "chooser-option", role: "option", id: `${this.#list.id}-${this.#options.size}`, "aria-selected": String(value === this.#selected),
        "aria-disabled": isDisabled ? "true" : undefined,
      },
      create("span", { class: "chooser-name" }, name),
      ...(facts === "" ? [] : [" ", create("span", { class: "chooser-facts" }, facts)]),
      ...(note === "" ? [] : [" ", create("span", { class: "chooser-note" }, note)]),
    );
    option.dataset["value"] = value;
    this.#options.set(value, { choice, option, text: folded(`${name} ${value} ${facts} ${words}`) });
    return option;
  }

  /** Show the choices that match the field. The first one becomes active; without a filter, the selected one. */
  #filter() {
    this.#active = undefined;
    this.#list.scrollTop = 0;
    this.#apply();
  }

  #apply() {
    const wanted = folded(this.#field.value).split(/\s+/).filter(Boolean);
    for (const { option, text } of this.#options.values()) option.hidden = !wanted.every((word) => text.includes(word));
    for (const group of this.#list.children) /** @type {HTMLElement} */ (group).hidden = !group.querySelector('[role="option"]:not([hidden])');
    const count = this.#shown.length;
    this.#said.textContent = count === 0 ? this.#words.none : wanted.length > 0 ? `${count} of ${this.#options.size}` : "";
    this.#activate(this.#shown.includes(this.#active ?? "") ? this.#active : this.#first(wanted.length > 0));
  }

  /**
   * Return the value of the choice that is active at first.
   * @param {boolean} isFiltered
   */
  #first(isFiltered) {
    const shown = this.#shown;
    if (!isFiltered && this.#selected !== undefined && shown.includes(this.#selected)) return this.#selected;
    return shown.find((value) => !this.#options.get(value)?.choice.isDisabled) ?? shown[0];
  }

  /** Values of the choices that match the field. */
  get #shown() {
    return [...this.#options].filter(([, { option }]) => !option.hidden).map(([value]) => value);
  }

  /** @param {string | undefined} value */
  #activate(value) {
    this.#active = value;
    for (const [each, { option }] of this.#options) option.classList.toggle("is-active", each === value);
    const option = value === undefined ? undefined : this.#options.get(value)?.option;
    if (!option) return this.#field.removeAttribute("aria-activedescendant");
    this.#field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  /** @param {string | undefined} value */
  #choose(value) {
    const found = value === undefined ? undefined : this.#options.get(value);
    if (!found) return;
    this.#activate(value);
    if (found.choice.isDisabled) return;
    this.#element.hidePopover();
    this.#delegate?.chosen(found.choice.value);
  }

  /** @param {Event} event */
  #clicked({ target }) {
    const option = target instanceof Element ? target.closest(".chooser-option") : null;
    if (option instanceof HTMLElement) this.#choose(option.dataset["value"]);
  }

  /** @param {KeyboardEvent} event */
  #buttonPressed(event) {
    if (!["ArrowDown", "ArrowUp"].includes(event.key) || this.#isOpen) return;
    event.preventDefault();
    this.#element.showPopover();
  }

  /** Move among the choices; Escape closes the list, and doesn't stop the answer. @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (isComposing(event)) return;
    event.stopPropagation();
    if (event.key === "Escape") this.#element.hidePopover();
    else if (event.target !== this.#field && event.target !== this.#element) return;
    else if (event.key === "Enter") this.#choose(this.#active);
    else if (!this.#moved(event.key)) return;
    event.preventDefault();
  }

  /**
   * @param {string} key
   * @returns {boolean} whether the key moves among the choices
   */
  #moved(key) {
    const shown = this.#shown;
    const [at, last] = [shown.indexOf(this.#active ?? ""), shown.length - 1];
    const targets = new Map([
      ["ArrowDown", at === last ? 0 : at + 1],
      ["ArrowUp", at <= 0 ? last : at - 1],
      ["Home", 0],
      ["End", last],
    ]);
    const to = targets.get(key);
    if (to === undefined) return false;
    this.#activate(shown[to]);
    return true;
  }

  /** Close the list when the focus leaves it, as by Tab. @param {FocusEvent} event */
  #left({ relatedTarget }) {
    if (relatedTarget instanceof Node && relatedTarget !== this.#button && !this.#element.contains(relatedTarget)) this.close();
  }

  /** @param {ToggleEvent} event */
  #toggling({ newState }) {
    if (newState !== "open") return;
    this.#delegate?.opening?.();
    this.#field.value = "";
    this.#active = undefined;
    this.#build();
    this.#place();
  }

  /** @param {ToggleEvent} event */
  #toggled({ newState }) {
    this.#button.ariaExpanded = String(newState === "open");
    if (newState !== "open") return;
    this.#filter();
    // On a touch device the field would open a keyboard over the list.
    (isTouchDevice() ? this.#element : this.#field).focus();
  }

  /** Tell the style sheet where the button is, and how much of the window is free of an on-screen keyboard. */
  #place() {
    const { left, bottom } = this.#button.getBoundingClientRect();
    const { style } = this.#element;
    style.setProperty("--button-left", `${left}px`);
    style.setProperty("--button-bottom", `${bottom}px`);
    style.setProperty("--room", `${window.visualViewport?.height ?? window.innerHeight}px`);
  }
}

/** @param {string} text */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
