/** What the browser keeps for this page, where it lets the page keep anything: it may refuse, and it may be full. */

/** @typedef {{read: (key: string) => unknown, write: (key: string, value: unknown) => void}} Keeping */

/** @implements {Keeping} */
export class GuardedStorage {
  #open;
  #suffix;

  /**
   * @param {() => Storage} open may throw, as reading `localStorage` does where it is forbidden
   * @param {string} [suffix] of every key, so that two servers of one origin keep apart what they keep
   */
  constructor(open, suffix = "") {
    this.#open = open;
    this.#suffix = suffix;
  }

  /**
   * @param {string} key
   * @returns {unknown} what was written, or null where there is nothing that can be read
   */
  read(key) {
    try {
      return parsed(this.#open().getItem(key + this.#suffix));
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
      this.#open().setItem(key + this.#suffix, JSON.stringify(value));
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
