/**
 * Keyboard shortcuts of the page, in one table, which also feeds the help dialog. Owns the table. An element with the
 * focus can handle a key first, by preventing its default.
 */

import { isComposing } from "./ui/submit-key.js";

/** @typedef {{label: string, where: string | undefined, keys: string[]}} Shortcut as the help dialog lists it; keys: as on this platform's keyboard */
/**
 * @typedef {object} Binding
 * @property {string} label its effect, for the help dialog
 * @property {string} [where] place that must have the focus, in words: "in the chat list"
 * @property {string} keys names of keys joined by "+", as `KeyboardEvent.key` has them; Mod is Ctrl, and Cmd on a Mac
 * @property {(target: Element | null) => boolean | void} [act] target: the focused element; returning false passes the
 *   key on. Without `act` the key is only listed here and handled elsewhere.
 */

export class Shortcuts {
  #target;
  #isMac;
  /** @type {Binding[]} */
  #bindings = [];
  #observer = new AbortController();

  /**
   * @param {EventTarget} target that receives every key event
   * @param {boolean} isMac
   */
  constructor(target, isMac) {
    this.#target = target;
    this.#isMac = isMac;
  }

  start() {
    const pressed = (/** @type {Event} */ event) => this.#pressed(/** @type {KeyboardEvent} */ (event));
    this.#target.addEventListener("keydown", pressed, { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @param {Binding[]} bindings */
  add(...bindings) {
    this.#bindings.push(...bindings);
  }

  /** @returns {Shortcut[]} in the order in which they were added */
  get table() {
    return this.#bindings.map(({ label, where, keys }) => ({ label, where, keys: keys.split("+").map((key) => this.#keyName(key)) }));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.defaultPrevented || isComposing(event)) return;
    const target = event.target instanceof Element ? event.target : null;
    for (const { keys, act } of this.#bindings) {
      if (!act || !this.#matches(event, keys) || act(target) === false) continue;
      event.preventDefault();
      return;
    }
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} keys
   */
  #matches(event, keys) {
    const names = keys.split("+");
    const key = names.at(-1) ?? "";
    const mod = names.includes("Mod");
    // For a symbol that is typed with Shift, such as "?" on many keyboards, the state of Shift doesn't matter.
    const shift = names.includes("Shift") || (key.length === 1 && !/[a-z0-9]/i.test(key) && event.shiftKey);
    return (
      event.key.toLowerCase() === key.toLowerCase() &&
      event.shiftKey === shift &&
      event.altKey === names.includes("Alt") &&
      event.ctrlKey === (mod && !this.#isMac) &&
      event.metaKey === (mod && this.#isMac)
    );
  }

  /** @param {string} key */
  #keyName(key) {
    return KEY_NAMES[key] ?? (key === "Mod" ? (this.#isMac ? "Cmd" : "Ctrl") : key);
  }
}

/** @type {Record<string, string>} */
const KEY_NAMES = { Escape: "Esc", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
