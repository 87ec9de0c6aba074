/** Tells people who listen to the page what has changed: states only, never the tokens. */

export class Announcer {
  #region;

  /** @param {HTMLElement} region a visually hidden live region */
  constructor(region) {
    this.#region = region;
  }

  /** @param {string} sentence */
  say(sentence) {
    this.#region.textContent = sentence;
  }
}
