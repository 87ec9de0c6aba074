/** Carries frames of text over one WebSocket. */

import { SUBPROTOCOL } from "../protocol/messages.js";

/**
 * What every transport tells its owner.
 * @typedef {object} TransportDelegate
 * @property {(frame: string) => void} transportReceived
 * @property {(frame: string, error: import("../protocol/messages.js").ErrorMessage) => void} transportRefused a frame was not taken, and
 *   the connection goes on; a WebSocket has no such answer
 * @property {(end: {code: number, reason: string}) => void} transportClosed once, at the end
 */
/**
 * What every transport can do.
 * @typedef {object} Transport
 * @property {(frame: string) => void} send
 * @property {() => void} close ends it without telling the delegate
 */

/** @implements {Transport} */
export class WebSocketTransport {
  #socket;
  #delegate;
  #observer = new AbortController();

  /**
   * @param {string} url
   * @param {TransportDelegate} delegate
   */
  constructor(url, delegate) {
    this.#delegate = delegate;
    this.#socket = new WebSocket(url, SUBPROTOCOL);
    this.#startObserving();
  }

  /** @param {string} frame */
  send(frame) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  close() {
    this.#observer.abort();
    this.#socket.close();
  }

  #startObserving() {
    const { signal } = this.#observer;
    this.#socket.addEventListener("message", ({ data }) => this.#received(data), { signal });
    this.#socket.addEventListener("close", ({ code, reason }) => this.#delegate.transportClosed({ code, reason }), { signal });
  }

  /** @param {unknown} data */
  #received(data) {
    if (typeof data === "string") this.#delegate.transportReceived(data);
  }
}
