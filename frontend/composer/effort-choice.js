/** Choice of how much the model thinks, beside the composer. Only shown for models that offer one. */

import { create } from "../ui/elements.js";

/** @typedef {{effortChosen: (effort: string | undefined) => void}} EffortChoiceDelegate undefined: the model's default */

/** @type {Record<string, string>} */
const WORDS = { "": "Thinking: default", none: "Thinking: off", low: "Thinking: low", medium: "Thinking: medium", high: "Thinking: high" };
/** Words where thinking can only be switched off. @type {Record<string, string>} */
const SWITCH_WORDS = { "": "Thinking: on", none: "Thinking: off" };

export class EffortChoice {
  #select;
  #shown = "";
  #observer = new AbortController();

  /** @param {HTMLSelectElement} select */
  constructor(select) {
    this.#select = select;
  }

  /** @param {EffortChoiceDelegate} delegate */
  start(delegate) {
    const { signal } = this.#observer;
    this.#select.addEventListener("change", () => delegate.effortChosen(this.#select.value || undefined), { signal });
  }

  stop() {
    this.#observer.abort();
  }

  /**
   * @param {string[]} efforts of the chat's model; values that this page has no words for are left out
   * @param {string | undefined} chosen the model's default without it, or if the model doesn't offer it
   */
  show(efforts, chosen) {
    const known = efforts.filter((effort) => effort in WORDS);
    const words = known.join() === "none" ? SWITCH_WORDS : WORDS;
    const key = known.join();
    this.#select.hidden = known.length === 0;
    if (key !== this.#shown) {
      this.#shown = key;
      this.#select.replaceChildren(...["", ...known].map((effort) => create("option", { value: effort }, words[effort] ?? effort)));
    }
    this.#select.value = chosen !== undefined && known.includes(chosen) ? chosen : "";
  }
}
