/** Asks at the composer what to do with a chat that no longer fits into the model's context. */

/** @typedef {"drop" | "elsewhere"} ContextChoice */
/**
 * @typedef {object} ContextChoiceElements
 * @property {HTMLElement} box
 * @property {HTMLButtonElement} drop
 * @property {HTMLButtonElement} elsewhere
 */

export class ContextChoiceView {
  #elements;
  #observer = new AbortController();

  /** @param {ContextChoiceElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {{contextChosen: (choice: ContextChoice) => void}} delegate */
  start(delegate) {
    const { signal } = this.#observer;
    this.#elements.drop.addEventListener("click", () => delegate.contextChosen("drop"), { signal });
    this.#elements.elsewhere.addEventListener("click", () => delegate.contextChosen("elsewhere"), { signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @param {boolean} isAsked */
  show(isAsked) {
    this.#elements.box.hidden = !isAsked;
  }
}
