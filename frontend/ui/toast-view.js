/** Toasts: short messages that disappear after some seconds, with at most one action such as Undo. */

import { iconButton, textButton } from "./elements.js";

/** @typedef {import("../connection.js").Clock} Clock */
/**
 * @typedef {object} Toast
 * @property {string} text
 * @property {"quiet" | "bad"} [tone]
 * @property {{label: string, act: () => void}} [action]
 */

/** Time for which a toast is shown, in milliseconds. It stays while it is hovered or focused. */
const STAY_MS = 8000;
const STAY_BAD_MS = 15_000;
/** Largest number of toasts; a further one replaces the oldest. */
const MOST = 3;

export class ToastView {
  #region;
  #clock;
  /** @type {Map<HTMLElement, unknown>} toasts and their timers */
  #timers = new Map();

  /**
   * @param {HTMLElement} region a live region
   * @param {Clock} clock
   */
  constructor(region, clock) {
    this.#region = region;
    this.#clock = clock;
  }

  stop() {
    for (const toast of [...this.#timers.keys()]) this.#remove(toast);
  }

  /** @param {Toast} toast */
  show({ text, tone = "quiet", action }) {
    const element = document.createElement("div");
    const stay = tone === "bad" ? STAY_BAD_MS : STAY_MS;
    element.className = "toast";
    element.dataset.tone = tone;
    const words = document.createElement("p");
    words.textContent = text;
    const act = action ? [textButton(action.label, "toast-action", () => this.#act(element, action.act))] : [];
    element.append(words, ...act, iconButton("close", "Dismiss", () => this.#remove(element)));
    for (const kind of ["pointerenter", "focusin"]) element.addEventListener(kind, () => this.#stopTimer(element));
    for (const kind of ["pointerleave", "focusout"]) element.addEventListener(kind, () => this.#removeAfter(element, stay));
    this.#region.append(element);
    this.#removeAfter(element, stay);
    this.#makeRoom();
  }

  #makeRoom() {
    const [oldest] = this.#timers.keys();
    if (oldest && this.#timers.size > MOST) this.#remove(oldest);
  }

  /**
   * @param {HTMLElement} toast
   * @param {() => void} act
   */
  #act(toast, act) {
    this.#remove(toast);
    act();
  }

  /** Stop the toast's timer. @param {HTMLElement} toast */
  #stopTimer(toast) {
    this.#clock.clearTimeout(this.#timers.get(toast));
  }

  /**
   * Remove the toast after some time.
   * @param {HTMLElement} toast
   * @param {number} ms
   */
  #removeAfter(toast, ms) {
    this.#stopTimer(toast);
    if (toast.isConnected) this.#timers.set(toast, this.#clock.setTimeout(() => this.#remove(toast), ms));
  }

  /** @param {HTMLElement} toast */
  #remove(toast) {
    this.#stopTimer(toast);
    this.#timers.delete(toast);
    toast.remove();
  }
}
