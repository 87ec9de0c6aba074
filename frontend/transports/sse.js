/** Transport for networks that block WebSockets: server-sent events for receiving, POSTs for sending. */

import { channelName } from "../protocol/messages.js";
import { SERVER_MESSAGE_TYPES } from "../protocol/server-message-types.js";
import { Outbox } from "./outbox.js";

/** @typedef {import("./websocket.js").Transport} Transport */
/** @typedef {import("./websocket.js").TransportDelegate} TransportDelegate */

const LOST = { code: 1006, reason: "" };

/** @implements {Transport} */
export class EventStreamTransport {
  #url;
  #delegate;
  #source;
  #outbox = new Outbox({
    outboxFailed: (code) => this.#end({ code, reason: "" }),
    outboxRefused: (frame, error) => this.#delegate.transportRefused(frame, error),
  });
  #observer = new AbortController();

  /**
   * @param {string} url to open channels at
   * @param {TransportDelegate} delegate
   */
  constructor(url, delegate) {
    this.#url = url;
    this.#delegate = delegate;
    this.#source = new EventSource(url);
    this.#startObserving();
  }

  /** @param {string} frame */
  send(frame) {
    this.#outbox.add(frame);
  }

  close() {
    this.#observer.abort();
    this.#outbox.close();
    this.#source.close();
  }

  #startObserving() {
    const { signal } = this.#observer;
    for (const type of SERVER_MESSAGE_TYPES) {
      this.#source.addEventListener(type, (event) => this.#received(event), { signal });
    }
    this.#source.addEventListener("close", ({ data }) => this.#end(JSON.parse(data)), { signal });
  }

  /**
   * Handle an event of the stream. The server's message `error` has the same name as the browser's event for a lost
   * stream, which has no data.
   * @param {MessageEvent | Event} event
   */
  #received(event) {
    if (!(event instanceof MessageEvent)) return this.#end(LOST);
    if (event.type === "welcome") this.#outbox.open(`${this.#url}/${channelName(event.data)}`);
    this.#delegate.transportReceived(event.data);
  }

  /**
   * Close the transport. The stream must not reconnect by itself, since that would open another channel.
   * @param {{code: number, reason: string}} end
   */
  #end(end) {
    this.close();
    this.#delegate.transportClosed(end);
  }
}
