/** Transport of text frames over one WebSocket. */

import { SUBPROTOCOL } from "../protocol/messages.js";

/**
 * Delegate of a transport.
 * @typedef {object} TransportDelegate
 * @property {(frame: string) => void} transportReceived
 * @property {(frame: string, error: import("../protocol/messages.js").ErrorMessage) => void} transportRefused a frame
 *   was refused and the connection stays open; never called by a WebSocket
 * @property {(end: {code: number, reason: string}) => void} transportClosed called once, at the end
 */
/**
 * Interface of every transport.
 * @typedef {object} Transport
 * @property {(frame: string) => void} send
 * @property {() => void} close closes it without calling the delegate
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
