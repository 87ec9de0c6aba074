/**
 * The page without a browser: all of it but the views, over the real server. Pages share a storage as tabs do, and each
 * has a network of its own that can be taken away.
 */

import { DraftAhead } from "../../../frontend/composer/draft-ahead.js";
import { Connection } from "../../../frontend/connection.js";
import { ConversationsApi } from "../../../frontend/conversations/api.js";
import { Comparisons } from "../../../frontend/conversations/comparisons.js";
import { Instructions } from "../../../frontend/conversations/instructions.js";
import { Library } from "../../../frontend/conversations/library.js";
import { Outbox } from "../../../frontend/conversations/outbox.js";
import { Queue } from "../../../frontend/conversations/queue.js";
import { newId } from "../../../frontend/protocol/messages.js";
import { TransportChoice } from "../../../frontend/transport-choice.js";
import { PollingTransport } from "../../../frontend/transports/polling.js";
import { WebSocketTransport } from "../../../frontend/transports/websocket.js";
import { FakeCompareSetup, FakeComparison, FakeComposer, FakeQueueView, FakeTranscript, chatAppWith } from "../../frontend/fake-parts.js";

/** @typedef {import("../../frontend/fake-storage.js").FakeBrowser} FakeBrowser */
/** @typedef {import("../../../frontend/transports/websocket.js").Transport} Transport */
/** @typedef {import("../../../frontend/transports/websocket.js").TransportDelegate} TransportDelegate */

/** Shortest wait of a page's timers, in milliseconds: a page without a network would try without a pause. */
const SHORTEST_MS = 20;
const LOST = { code: 1006, reason: "" };
export const GOOD_SETTINGS = { params: { max_tokens: 6 } };

const clock = {
  now: () => performance.now(),
  setTimeout: (/** @type {() => void} */ then, /** @type {number} */ ms) => setTimeout(then, Math.max(SHORTEST_MS, Math.min(ms, 200))),
  clearTimeout: (/** @type {any} */ timer) => clearTimeout(timer),
};
/** The real times, for what a page may take for a dead line. */
const patientClock = { ...clock, setTimeout: (/** @type {() => void} */ then, /** @type {number} */ ms) => setTimeout(then, Math.max(SHORTEST_MS, ms)) };

export class PageWithoutBrowser {
  #address;
  #browser;
  /** Whether it connects over a WebSocket, as every second page does where Node has these, or by long poll. */
  #hasSocket;
  /** @type {Set<{transport: Transport, delegate: TransportDelegate}>} */
  #lines = new Set();
  isOffline = false;
  composer = new FakeComposer();
  queueView = new FakeQueueView();
  transcript = new FakeTranscript();
  comparison = new FakeComparison();
  compareSetup = new FakeCompareSetup();
  #input = new EventTarget();
  /** @type {import("../../../frontend/ui/toast-view.js").Toast[]} */
  toasts = [];

  /**
   * @param {string} address of the server
   * @param {FakeBrowser} browser
   * @param {string | null} conversation
   */
  constructor(address, browser, conversation = null) {
    this.#address = address;
    this.#browser = browser;
    const tab = browser.openTab();
    this.tab = tab;
    this.#hasSocket = "WebSocket" in globalThis && browser.tabs.length % 2 === 1;
    this.location = { conversation, start: () => {}, stop: () => {}, go: (/** @type {string | null} */ id) => void (this.location.conversation = id) };
    const api = new ConversationsApi((url, request) => this.#fetch(url, request), patientClock);
    this.api = api;
    this.connection = new Connection({
      openTransport: (_, delegate) => this.#openLine(delegate),
      choice: new TransportChoice(tab, clock.now),
      clock: patientClock,
      random: () => 0,
      logIn: () => {},
    });
    this.outbox = new Outbox(tab, tab);
    this.queue = new Queue(tab, tab);
    this.instructions = new Instructions(tab);
    this.library = new Library(api, clock);
    this.ui = chatAppWith({
      connection: this.connection,
      api,
      outbox: this.outbox,
      queue: this.queue,
      instructions: this.instructions,
      queueView: this.queueView,
      libraryUI: { library: this.library, start: () => {}, stop: () => {}, mark: () => {} },
      address: this.location,
      composer: this.composer,
      transcript: this.transcript,
      comparisons: new Comparisons(tab, tab),
      comparison: this.comparison,
      compareSetup: this.compareSetup,
      draftAhead: new DraftAhead({ input: this.#input, document: tab, composer: this.composer, connection: this.connection, storage: tab, clock }),
      connectionView: { start: () => {}, stop: () => {}, show: () => {} },
      announcer: { say: () => {}, wrote: () => {}, ended: () => {}, forget: () => {} },
      toasts: { show: (/** @type {import("../../../frontend/ui/toast-view.js").Toast} */ toast) => this.toasts.push(toast) },
      pageTitle: { show: () => {} },
      newChatSettings: { settings: GOOD_SETTINGS, set: () => {} },
      copy: async () => true,
      clock,
      newId,
    });
    this.ui.start();
  }

  /** @param {string} text that the composer has after a key was pressed */
  type(text) {
    this.composer.write(text);
    this.#input.dispatchEvent(Object.assign(new Event("input"), { inputType: "insertText" }));
  }

  /** Loads the page anew. @returns {PageWithoutBrowser} */
  reload() {
    this.close();
    const { conversation } = this.location;
    const page = new PageWithoutBrowser(this.#address, this.#browser, conversation);
    if (this.isOffline) page.goOffline();
    return page;
  }

  close() {
    this.ui.close();
    this.#browser.tabs.splice(this.#browser.tabs.indexOf(this.tab), 1);
  }

  goOffline() {
    this.isOffline = true;
    this.cut();
  }

  goOnline() {
    this.isOffline = false;
    this.connection.wake();
  }

  /** Loses the connection, and whatever is on its way. */
  cut() {
    for (const { transport, delegate } of this.#lines) {
      transport.close();
      delegate.transportClosed(LOST);
    }
    this.#lines.clear();
  }

  get shown() {
    return [...this.transcript.messages.values()].map(({ shown }) => shown);
  }

  get isIdle() {
    return this.composer.mode === "idle" && this.ui.mayBeAsked;
  }

  /**
   * @param {TransportDelegate} delegate
   * @returns {Transport}
   */
  #openLine(delegate) {
    if (this.isOffline) {
      queueMicrotask(() => delegate.transportClosed(LOST));
      return { send: () => {}, close: () => {} };
    }
    const transport = this.#hasSocket
      ? new WebSocketTransport(`${this.#address.replace("http", "ws")}/ws`, delegate)
      : new PollingTransport(`${this.#address}/channel`, delegate);
    this.#lines.add({ transport, delegate });
    return transport;
  }

  /**
   * @param {string} url
   * @param {RequestInit} request
   */
  async #fetch(url, request) {
    if (this.isOffline) throw new TypeError("offline");
    return await fetch(`${this.#address}${url}`, request);
  }
}
