/**
 * Transport over plain HTTP requests, for networks that buffer event streams: polls for receiving, POSTs for sending.
 */

import { channelName } from "../protocol/messages.js";
import { Outbox } from "./outbox.js";

/** @typedef {import("./websocket.js").Transport} Transport */
/** @typedef {import("./websocket.js").TransportDelegate} TransportDelegate */

/** Time that one poll waits for messages, in seconds: shorter than most proxies' time limits. */
const WAIT_S = 25;

const LOST = { code: 1006, reason: "" };
const BAD_TOKEN = { code: 4401, reason: "" };
const CREATED = 201;
const OK = 200;
const NO_NEWS = 204;
const GONE = 410;
const UNAUTHORIZED = 401;

/** @implements {Transport} */
export class PollingTransport {
  #url;
  #delegate;
  /** @type {string | null} address of the open channel */
  #channel = null;
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
    window.addEventListener("pagehide", () => this.#delete(), { signal: this.#observer.signal });
    this.#run();
  }

  /** @param {string} frame */
  send(frame) {
    this.#outbox.add(frame);
  }

  close() {
    if (this.#observer.signal.aborted) return;
    this.#observer.abort();
    this.#outbox.close();
    this.#delete();
  }

  async #run() {
    const end = await this.#poll().catch(() => LOST);
    if (this.#observer.signal.aborted) return;
    if (end !== LOST) this.#channel = null;
    this.#end(end);
  }

  /** @returns {Promise<{code: number, reason: string}>} code and reason of the channel's end; rejects if the network fails */
  async #poll() {
    const channel = await this.#open();
    if (channel === null) return LOST;
    for (;;) {
      const response = await this.#fetch(`${channel}/poll?wait=${WAIT_S}`);
      if (response.status === OK) this.#received(await response.text());
      else if (response.status === GONE) return await response.json();
      else if (response.status === UNAUTHORIZED) return BAD_TOKEN;
      else if (response.status !== NO_NEWS) return LOST;
    }
  }

  /** @returns {Promise<string | null>} address of the new channel */
  async #open() {
    const response = await this.#fetch(this.#url, { method: "POST", headers: { "Content-Type": "application/json" } });
    if (response.status !== CREATED) return null;
    const welcome = await response.text();
    const channel = `${this.#url}/${channelName(welcome)}`;
    this.#channel = channel;
    this.#outbox.open(channel);
    this.#received(welcome);
    return channel;
  }

  /**
   * @param {string} url
   * @param {RequestInit} [options]
   */
  async #fetch(url, options = {}) {
    return await fetch(url, { ...options, cache: "no-store", signal: this.#observer.signal });
  }

  /** @param {string} frame */
  #received(frame) {
    if (!this.#observer.signal.aborted) this.#delegate.transportReceived(frame);
  }

  /** End the channel on the server, even while the page is being closed. */
  #delete() {
    if (this.#channel === null) return;
    fetch(this.#channel, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#channel = null;
  }

  /** @param {{code: number, reason: string}} end */
  #end(end) {
    this.close();
    this.#delegate.transportClosed(end);
  }
}
