/** Connection state and model name in the header. */

import { displayName } from "./model-name.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../transport-choice.js").TransportKind} TransportKind */
/**
 * @typedef {object} ConnectionElements
 * @property {HTMLElement} chip
 * @property {HTMLElement} text
 * @property {HTMLElement} detail longer explanation, shown where there is room
 * @property {HTMLButtonElement} retry
 * @property {HTMLElement} model element for the model's name
 */
/** @typedef {{connectionRetried: () => void}} ConnectionViewDelegate */

/** @type {Record<TransportKind, {text: string, detail: string}>} */
const CONNECTED = {
  websocket: { text: "Connected", detail: "" },
  sse: { text: "Connected through HTTP streaming", detail: "WebSockets are blocked on this network" },
  polling: { text: "Connected through HTTP polling", detail: "WebSockets and streaming are blocked on this network" },
};

/** @type {Record<number, string>} reasons why the server closed the connection for good, by close code (PROTOCOL.md 9) */
const REFUSED = {
  4400: "This page doesn't match the server. Reload it.",
  4401: "Logged out. Reload to log in.",
  4403: "This address isn't allowed to connect.",
  4408: "Logged out. Reload to log in.",
  4429: "Too many connections. Close other tabs.",
};

/** Interval between updates of the countdown to the next attempt, in milliseconds. */
const TICK_MS = 250;

export class ConnectionView {
  #elements;
  #clock;
  #isOnline;
  #refused;
  #observer = new AbortController();
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {ConnectionElements} elements
   * @param {Clock} clock
   * @param {() => boolean} isOnline returns true while this device has a network
   * @param {Record<number, string>} [refused] words in place of the page's own, by close code
   */
  constructor(elements, clock, isOnline, refused = {}) {
    this.#elements = elements;
    this.#clock = clock;
    this.#isOnline = isOnline;
    this.#refused = { ...REFUSED, ...refused };
  }

  /** @param {ConnectionViewDelegate} delegate */
  start(delegate) {
    const { signal } = this.#observer;
    this.#elements.retry.addEventListener("click", () => delegate.connectionRetried(), { signal });
  }

  stop() {
    this.#observer.abort();
    this.#clearTimer();
  }

  /** @param {ConnectionState} state */
  show(state) {
    this.#clearTimer();
    this.#elements.chip.dataset.state = state.name;
    this.#elements.retry.hidden = state.name !== "waiting" && state.name !== "refused";
    this.#explain("");
    if (state.name === "connected") this.#showConnected(state);
    else if (state.name === "waiting") this.#countDown(state.retryAt);
    else this.#showText(words(state, this.#refused));
  }

  /** @param {Extract<ConnectionState, {name: "connected"}>} state */
  #showConnected({ welcome, transport }) {
    const { text, detail } = CONNECTED[transport];
    this.#showText(text);
    this.#explain(detail);
    this.#showModel(welcome.models?.[0]?.title ?? welcome.model?.name);
  }

  /** @param {string} detail */
  #explain(detail) {
    this.#elements.detail.textContent = detail;
    this.#elements.chip.title = detail;
  }

  /** @param {number} retryAt */
  #countDown(retryAt) {
    const seconds = Math.max(1, Math.ceil((retryAt - this.#clock.now()) / 1000));
    this.#showText(this.#isOnline() ? `Reconnecting in ${seconds} s` : "Offline");
    this.#timer = this.#clock.setTimeout(() => this.#countDown(retryAt), TICK_MS);
  }

  #clearTimer() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** @param {string} text */
  #showText(text) {
    if (this.#elements.text.textContent !== text) this.#elements.text.textContent = text;
  }

  /** @param {string | undefined} name */
  #showModel(name) {
    this.#elements.model.textContent = displayName(name);
    this.#elements.model.title = name ?? "";
  }
}

/**
 * @param {Exclude<ConnectionState, {name: "waiting" | "connected"}>} state
 * @param {Record<number, string>} refused
 */
function words(state, refused) {
  switch (state.name) {
    case "connecting":
      return "Connecting…";
    case "refused":
      return refused[state.code] ?? "The server refused the connection";
    default:
      return "Disconnected";
  }
}
