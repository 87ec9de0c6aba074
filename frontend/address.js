/** The page's address, which names the conversation that is shown: `/c/<id>`, or `/` for a new one, below the root path. */

import { ROOT_PATH } from "./root-path.js";

/** @typedef {{addressChanged: (conversation: string | null) => void}} AddressDelegate the reader went back or forward */

const PATTERN = /^\/c\/([A-Za-z0-9._-]{1,64})\/?$/;

export class Address {
  #window;
  #root;
  #observer = new AbortController();

  /**
   * @param {Window} window
   * @param {string} [root]
   */
  constructor(window, root = ROOT_PATH) {
    this.#window = window;
    this.#root = root;
  }

  /** @param {AddressDelegate} delegate */
  start(delegate) {
    const moved = () => delegate.addressChanged(this.conversation);
    this.#window.addEventListener("popstate", moved, { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @returns {string | null} */
  get conversation() {
    return PATTERN.exec(this.#path)?.[1] ?? null;
  }

  /** @param {string | null} conversation */
  go(conversation) {
    if (conversation === this.conversation && (conversation !== null || this.#path === "/")) return;
    this.#window.history.pushState(null, "", addressOf(conversation, this.#root));
  }

  /** Below the root path. */
  get #path() {
    const { pathname } = this.#window.location;
    return pathname.startsWith(`${this.#root}/`) ? pathname.slice(this.#root.length) : pathname;
  }
}

/**
 * @param {string | null} conversation
 * @param {string} [root]
 */
export function addressOf(conversation, root = ROOT_PATH) {
  return conversation === null ? `${root}/` : `${root}/c/${conversation}`;
}

/**
 * Where to log in, and come back from.
 * @param {string | null} conversation
 * @param {string} [root]
 */
export function loginAddressOf(conversation, root = ROOT_PATH) {
  return conversation === null ? `${root}/login` : `${root}/login?conversation=${conversation}`;
}
