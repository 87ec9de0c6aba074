/** The page's address, which names the conversation that is shown: `/c/<id>`, or `/` for a new one. */

/** @typedef {{addressChanged: (conversation: string | null) => void}} AddressDelegate the reader went back or forward */

const PATTERN = /^\/c\/([A-Za-z0-9._-]{1,64})\/?$/;

export class Address {
  #window;
  #observer = new AbortController();

  /** @param {Window} window */
  constructor(window) {
    this.#window = window;
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
    return PATTERN.exec(this.#window.location.pathname)?.[1] ?? null;
  }

  /** @param {string | null} conversation */
  go(conversation) {
    if (conversation === this.conversation && (conversation !== null || this.#window.location.pathname === "/")) return;
    this.#window.history.pushState(null, "", addressOf(conversation));
  }
}

/** @param {string | null} conversation */
export function addressOf(conversation) {
  return conversation === null ? "/" : `/c/${conversation}`;
}

/**
 * Where to log in, and come back from.
 * @param {string | null} conversation
 */
export function loginAddressOf(conversation) {
  return conversation === null ? "/login" : `/login?conversation=${conversation}`;
}
