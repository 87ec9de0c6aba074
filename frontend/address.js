/** Address of the page, which names the open conversation: `/c/<id>`, or `/` for a new one, below the root path. */

import { ROOT_PATH } from "./root-path.js";

/** @typedef {{addressChanged: (conversation: string | null) => void}} AddressDelegate called when the user goes back or forward */

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

  /** Path of the page, below the root path. */
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
 * Build the address of the login page, which afterwards returns to this conversation.
 * @param {string | null} conversation
 * @param {string} [root]
 */
export function loginAddressOf(conversation, root = ROOT_PATH) {
  return conversation === null ? `${root}/login` : `${root}/login?conversation=${conversation}`;
}
