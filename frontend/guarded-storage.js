/** What the browser keeps for this page, where it lets the page keep anything: it may refuse, and it may be full. */

/** @typedef {{read: (key: string) => unknown, write: (key: string, value: unknown) => void}} Keeping */

/** @implements {Keeping} */
export class GuardedStorage {
  #open;

  /** @param {() => Storage} open may throw, as reading `localStorage` does where it is forbidden */
  constructor(open) {
    this.#open = open;
  }

  /**
   * @param {string} key
   * @returns {unknown} what was written, or null where there is nothing that can be read
   */
  read(key) {
    try {
      return parsed(this.#open().getItem(key));
    } catch {
      return null;
    }
  }

  /**
   * Writes it if it can. What cannot be written leaves what was there.
   * @param {string} key
   * @param {unknown} value
   */
  write(key, value) {
    try {
      this.#open().setItem(key, JSON.stringify(value));
    } catch {
      // The page works without; a reload then shows what was kept last.
    }
  }
}

/**
 * @param {string | null} text
 * @returns {unknown} null for what is not JSON
 */
export function parsed(text) {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
