/** Storage that never throws: the browser may forbid the page to store anything, or its storage may be full. */

/** @typedef {{read: (key: string) => unknown, write: (key: string, value: unknown) => void}} Keeping */

/** @implements {Keeping} */
export class GuardedStorage {
  #open;
  #suffix;

  /**
   * @param {() => Storage} open may throw, as reading `localStorage` does if storage is forbidden
   * @param {string} [suffix] of every key, which keeps the values of two servers on one origin apart
   */
  constructor(open, suffix = "") {
    this.#open = open;
    this.#suffix = suffix;
  }

  /**
   * @param {string} key
   * @returns {unknown} the stored value, or null if there is none or it can't be read
   */
  read(key) {
    try {
      return parsed(this.#open().getItem(key + this.#suffix));
    } catch {
      return null;
    }
  }

  /**
   * Store a value. If that fails, the previous value stays.
   * @param {string} key
   * @param {unknown} value
   */
  write(key, value) {
    try {
      this.#open().setItem(key + this.#suffix, JSON.stringify(value));
    } catch {
      // The page works without storage; a reload then shows the previous value.
    }
  }
}

/**
 * @param {string | null} text
 * @returns {unknown} null if the text is not JSON
 */
export function parsed(text) {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
