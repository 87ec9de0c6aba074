/**
 * Chips above the input for settings that differ from the defaults: a press opens the settings at that field, a cross
 * resets it. A new chat begins with the settings of the last new chat: the user is asked once whether to keep them.
 */

import { changedSettings, withoutSetting } from "../panels/changed-settings.js";
import { create, createButton } from "../ui/elements.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("../panels/changed-settings.js").ChangedSetting} ChangedSetting */
/** @typedef {import("../panels/settings.js").Settings} Settings */
/**
 * @typedef {object} ChipsElements
 * @property {HTMLElement} area hidden while every setting has its default
 * @property {HTMLElement} list
 * @property {HTMLElement} question whether to keep the settings
 */
/**
 * @typedef {object} ChipsDelegate
 * @property {(name: string) => void} settingChosen called to show the setting's field
 * @property {(settings: Settings) => void} settingsReset called with the new settings
 */

/** Storage key of the settings that the user has agreed to keep in new chats. */
export const KEY = "streamui.settings-kept.v1";
/** Most chips that are shown. A last chip shows the number of other settings. */
export const MAX_CHIPS = 3;

/** Chips of the changed settings. Owns the value stored under KEY. */
export class SettingsChips {
  #elements;
  #storage;
  #delegate;
  /** @type {Settings} */
  #settings = {};
  /** True if a new chat is open. */
  #isNew = false;
  /** Settings with which the new chat was opened, as text; "" after a change of them. */
  #inherited = "";
  #shown = "";

  /**
   * @param {ChipsElements} elements
   * @param {Keeping} storage
   * @param {ChipsDelegate} delegate
   */
  constructor(elements, storage, delegate) {
    this.#elements = elements;
    this.#storage = storage;
    this.#delegate = delegate;
  }

  /**
   * Update after another chat was opened, or the new chat has received its first message.
   * @param {boolean} isNew
   * @param {Settings} settings
   */
  opened(isNew, settings) {
    if (isNew && !this.#isNew) this.#inherited = keyOf(settings);
    this.#isNew = isNew;
    this.show(settings);
  }

  /** @param {Settings} settings of the chat that is open */
  show(settings) {
    this.#settings = settings;
    if (keyOf(settings) !== this.#inherited) this.#inherited = "";
    const changed = changedSettings(settings);
    const asks = changed.length > 0 && this.#isNew && this.#inherited !== "" && this.#storage.read(KEY) !== this.#inherited;
    const shown = JSON.stringify([changed, asks]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { area, list, question } = this.#elements;
    area.hidden = changed.length === 0;
    list.replaceChildren(...this.#createChips(changed));
    question.hidden = !asks;
    question.replaceChildren(...(asks ? this.#createQuestion() : []));
  }

  #keep() {
    this.#storage.write(KEY, this.#inherited);
    this.#inherited = "";
    this.show(this.#settings);
  }

  /** @param {Settings} settings */
  #reset(settings) {
    this.#delegate.settingsReset(settings);
    this.show(settings);
  }

  #createQuestion() {
    const keep = createButton("Keep", () => this.#keep(), { class: "chips-button", "aria-label": "Keep these settings" });
    const reset = createButton("Reset", () => this.#reset({}), { class: "chips-button", "aria-label": "Reset these settings" });
    return [create("span", {}, "Keep these settings for this chat?"), keep, reset];
  }

  /** @param {ChangedSetting[]} changed */
  #createChips(changed) {
    const chips = changed.slice(0, MAX_CHIPS).map((setting) => this.#createChip(setting));
    const [next] = changed.slice(MAX_CHIPS);
    if (!next) return chips;
    const rest = changed.slice(MAX_CHIPS).map(({ label }) => label);
    const more = createButton(`+${rest.length}`, () => this.#delegate.settingChosen(next.name), {
      class: "chip-label", "aria-label": `${rest.length} more settings: ${rest.join(", ")}`, title: rest.join(", "),
    });
    return [...chips, create("li", { class: "chip" }, more)];
  }

  /** @param {ChangedSetting} setting */
  #createChip({ name, label }) {
    const open = createButton(label, () => this.#delegate.settingChosen(name), { class: "chip-label", title: "Open the settings" });
    const remove = createButton("✕", () => this.#reset(withoutSetting(this.#settings, name)), {
      class: "chip-remove", "aria-label": `Reset ${label}`, title: "Reset to the default",
    });
    return create("li", { class: "chip" }, open, remove);
  }
}

/** @param {Settings} settings */
function keyOf(settings) {
  return changedSettings(settings).length === 0 ? "" : JSON.stringify(settings);
}
