/** Button that starts a temporary chat, and the notice while one is open. */

/**
 * @typedef {object} TemporaryElements
 * @property {HTMLButtonElement} button
 * @property {HTMLElement} notice
 */

export class TemporaryView {
  #elements;

  /** @param {TemporaryElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {boolean} isOffered whether the server has temporary chats */
  offer(isOffered) {
    this.#elements.button.hidden = !isOffered;
  }

  /** @param {boolean} isOpen whether the open chat is temporary */
  show(isOpen) {
    this.#elements.button.ariaPressed = String(isOpen);
    this.#elements.notice.hidden = !isOpen;
  }
}
