/**
 * Connection to the server that outlives its transports: it replaces a transport that has ended, and changes to another
 * kind of transport if one is blocked. Owns the session, so running generations continue over the next transport.
 */

import { Heartbeat, WAKE_PATIENCE_MS } from "./heartbeat.js";
import { Lookups } from "./protocol/lookups.js";
import { askStatus, hello, parseFrame, ping } from "./protocol/messages.js";
import { Session } from "./protocol/session.js";
import { newId } from "./protocol/messages.js";
import { wellFormedJson } from "./protocol/well-formed.js";
import { ReconnectWaits } from "./reconnect-waits.js";

/** @typedef {import("./protocol/messages.js").ClientMessage} ClientMessage */
/** @typedef {import("./protocol/messages.js").ErrorMessage} ErrorMessage */
/** @typedef {import("./protocol/messages.js").Generate} Generate */
/** @typedef {import("./protocol/messages.js").PlainGenerate} PlainGenerate */
/** @typedef {import("./protocol/messages.js").ForkGenerate} ForkGenerate */
/** @typedef {import("./protocol/messages.js").ServerMessage} ServerMessage */
/** @typedef {import("./protocol/messages.js").ServerStatus} ServerStatus */
/** @typedef {import("./protocol/messages.js").Welcome} Welcome */
/** @typedef {import("./protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {import("./protocol/session.js").Step} Step */
/** @typedef {import("./transport-choice.js").TransportChoice} TransportChoice */
/** @typedef {import("./transport-choice.js").TransportKind} TransportKind */
/** @typedef {import("./transports/websocket.js").Transport} Transport */
/** @typedef {import("./transports/websocket.js").TransportDelegate} TransportDelegate */

/**
 * @typedef {object} Clock
 * @property {() => number} now milliseconds
 * @property {(then: () => void, ms: number) => unknown} setTimeout
 * @property {(timer: unknown) => void} clearTimeout
 */
/**
 * @typedef {{name: "connecting"} | {name: "connected", welcome: Welcome, transport: TransportKind} | {name: "waiting", retryAt: number}
 *   | {name: "refused", code: number, reason: string} | {name: "stopped"}} ConnectionState
 *   retryAt: time of the next attempt, by the clock; refused: no further attempt follows by itself
 */
/**
 * @typedef {object} ConnectionDelegate
 * @property {(state: ConnectionState) => void} connectionChanged
 * @property {(event: SessionEvent) => void} connectionDelivered
 */
/**
 * @typedef {object} Surroundings
 * @property {(kind: TransportKind, delegate: TransportDelegate) => Transport} openTransport
 * @property {TransportChoice} choice
 * @property {Clock} clock
 * @property {() => number} random from 0 up to 1
 * @property {() => void} logIn called when the server asks for a token and `token` is missing or not valid
 * @property {string} [token] sent to a server that asks for one; the page itself has a cookie instead
 */

/** Close codes of the server (PROTOCOL 9). */
const FAULT = 1011;
const BAD_FRAMES = 4400;
const BAD_TOKEN = 4401;
const RESTARTING = 1012;

export class Connection {
  #openTransport;
  #choice;
  #clock;
  #logIn;
  #token;
  #session = new Session();
  #heartbeat;
  /** @type {ConnectionDelegate | null} */
  #delegate = null;
  /** @type {ConnectionState} */
  #state = { name: "stopped" };
  /** @type {Transport | null} */
  #transport = null;
  #waits;
  /** @type {Set<unknown>} */
  #timers = new Set();
  /** @type {Set<(state: ConnectionState) => void>} */
  #observers = new Set();
  /** @type {(() => void) | null} */
  #watchBegun = null;
  /** @type {((status: ServerStatus) => void)[]} callbacks waiting for the server's status */
  #statusCallbacks = [];
  #lookups = new Lookups();
  #pieceCount = 0;

  /** @param {Surroundings} surroundings */
  constructor({ openTransport, choice, clock, random, logIn, token = "" }) {
    this.#openTransport = openTransport;
    this.#choice = choice;
    this.#clock = clock;
    this.#waits = new ReconnectWaits(random);
    this.#logIn = logIn;
    this.#token = token;
    this.#heartbeat = new Heartbeat(clock, {
      heartbeatAsks: () => this.#send([ping(String(clock.now()))]),
      heartbeatStopped: () => this.#drop(),
    });
  }

  /** @param {ConnectionDelegate} delegate */
  start(delegate) {
    this.#delegate = delegate;
    this.#connect();
  }

  stop() {
    this.#release();
    this.#setState({ name: "stopped" });
  }

  /**
   * Report each change of state to this observer too, besides the delegate.
   * @param {(state: ConnectionState) => void} observer
   */
  observe(observer) {
    this.#observers.add(observer);
  }

  /** Number of text pieces received so far, over all answers. */
  get pieceCount() {
    return this.#pieceCount;
  }

  /**
   * Request the server's status. The callback is not called if there is no connection, or if it ends before the reply.
   * @param {(status: ServerStatus) => void} receive
   */
  askStatus(receive) {
    if (this.#state.name !== "connected") return;
    this.#statusCallbacks.push(receive);
    this.#send([askStatus()]);
  }

  /**
   * Request the likeliest tokens at a place of an answer. Without a connection, or when it
   * ends before the reply, the callback gets an error.
   * @param {string} id of the generation
   * @param {number} seq number of the event at whose place, or 1 more than the newest (PROTOCOL 6.12)
   * @param {number | undefined} count 1 to 20; undefined: 10
   * @param {(looked: import("./protocol/lookups.js").Looked) => void} receive called once
   */
  askAlternatives(id, seq, count, receive) {
    const question = this.#lookups.ask(id, seq, count, receive);
    if (this.#state.name === "connected") this.#send([question]);
    else this.#lookups.lost();
  }

  /**
   * Start an answer now, or as soon as there is a connection.
   * @param {Generate | PlainGenerate | ForkGenerate} request
   * @param {boolean} [mayBeThere] whether an earlier page may have sent it to the server
   */
  generate(request, mayBeThere) {
    this.#apply(this.#session.begin(request, mayBeThere));
  }

  /**
   * Read from its beginning an answer that an earlier or another page has requested.
   * @param {string} id
   */
  follow(id) {
    this.#apply(this.#session.follow(id));
  }

  /** @param {string} id */
  cancel(id) {
    this.#apply(this.#session.cancel(id));
  }

  /**
   * Give the model an instruction in mid-answer.
   * @param {string} id
   * @param {string} content
   * @param {string} [key] that an earlier page has sent the same instruction with
   */
  steer(id, content, key = newId()) {
    this.#apply(this.#session.steer(id, content, key));
  }

  /**
   * Change sampling parameters in mid-answer.
   * @param {string} id
   * @param {Record<string, unknown>} params
   */
  tune(id, params) {
    this.#apply(this.#session.tune(id, params));
  }

  /**
   * Stop delivering an answer's events. The server continues to write it.
   * @param {string} id
   */
  detach(id) {
    this.#apply(this.#session.detach(id));
  }

  /**
   * Deliver every change of a conversation from now on, on this connection and all later ones.
   * @param {() => void} begun called once for each connection, when the server delivers the changes: only what is read
   *   after that can't miss one
   */
  watch(begun) {
    this.#watchBegun = begun;
    this.#apply(this.#session.watch());
    this.askStatus(begun);
  }

  /**
   * Tell the server what the user is writing. Does nothing while there is no connection.
   * @param {import("./protocol/messages.js").Draft} draft
   */
  draft(draft) {
    if (this.#state.name === "connected") this.#send([draft]);
  }

  /** Connect now instead of waiting for the next attempt. */
  retryNow() {
    if (this.#state.name !== "waiting" && this.#state.name !== "refused") return;
    this.#connect();
  }

  /**
   * React when the page is visible again or the network has changed: check a connection that may be dead, or connect
   * now.
   */
  wake() {
    if (this.#state.name === "connected") this.#heartbeat.ask(WAKE_PATIENCE_MS);
    if (this.#state.name === "waiting") this.#connect();
  }

  #connect() {
    this.#release();
    this.#setState({ name: "connecting" });
    this.#choice.begin();
    this.#open();
  }

  #open() {
    this.#after(this.#waits.welcomeMs, () => this.#drop());
    /** @type {Transport} */
    const transport = this.#openTransport(this.#choice.kind, {
      transportReceived: (frame) => this.#whileCurrent(transport, () => this.#receiveFrame(frame)),
      transportRefused: (frame, error) => this.#whileCurrent(transport, () => this.#refusedFrame(frame, error)),
      transportClosed: (end) => this.#whileCurrent(transport, () => this.#closed(end)),
    });
    this.#transport = transport;
  }

  /**
   * @param {Transport} transport
   * @param {() => void} action
   */
  #whileCurrent(transport, action) {
    if (this.#transport === transport) action();
  }

  /** @param {string} frame */
  #receiveFrame(frame) {
    this.#heartbeat.beat();
    for (const message of parseFrame(frame)) this.#receive(message);
  }

  /**
   * Reject the request in a frame that the server, or a proxy in front of it, has refused. The connection stays open.
   * @param {string} frame
   * @param {ErrorMessage} error
   */
  #refusedFrame(frame, error) {
    const { type, id } = JSON.parse(frame);
    if (type === "generate") this.#apply(this.#session.refused(id, error));
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    if (message.type === "welcome") return this.#welcomed(message);
    if (message.type === "status" && message.id === undefined) return this.#receiveStatus(message);
    if (message.type === "alternatives") return this.#lookups.answered(message);
    if (message.type === "error" && message.re === "alternatives") return this.#lookups.refused(message);
    if (message.type === "token") this.#pieceCount += message.n ?? 1;
    if (message.type === "goodbye") this.#waits.asked(message.reconnect_ms ?? null);
    this.#apply(this.#session.receive(message));
  }

  /** @param {ServerStatus} status */
  #receiveStatus(status) {
    for (const receive of this.#statusCallbacks.splice(0)) receive(status);
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    if (welcome.auth && this.#token === "") return this.#closed({ code: BAD_TOKEN, reason: "" });
    if (!this.#choice.welcomed()) return this.#replace();
    if (welcome.auth) this.#send([hello(this.#token)]); // What follows needs no answer to it (PROTOCOL 3.6).
    this.#clearTimers();
    this.#waits.welcomed();
    this.#heartbeat.start();
    this.#setState({ name: "connected", welcome, transport: this.#choice.kind });
    this.#apply(this.#session.opened());
    if (this.#watchBegun) this.askStatus(this.#watchBegun); // `watch` has no answer; messages are carried out in order.
  }

  /** @param {Step} step */
  #apply({ send, deliver, later = [] }) {
    this.#send(send);
    for (const event of deliver) this.#delegate?.connectionDelivered(event);
    for (const { message, afterMs } of later) this.#after(afterMs, () => this.#send([message]));
  }

  /** @param {ClientMessage[]} messages */
  #send(messages) {
    for (const message of messages) this.#transport?.send(wellFormedJson(message));
  }

  /** Try another kind of transport in place of the one that was opened. */
  #replace() {
    this.#release();
    this.#open();
  }

  /** Close a transport that doesn't respond. */
  #drop() {
    this.#closed({ code: 1006, reason: "" });
  }

  /** @param {{code: number, reason: string}} end */
  #closed({ code, reason }) {
    const isBlocked = this.#state.name === "connecting" && !isClosedByServer(code);
    this.#release(code);
    if (code === BAD_TOKEN) this.#logIn();
    const mayLast = code === BAD_FRAMES && this.#session.hasRefusedFrame;
    if (code >= 4400 && code < 4500 && !mayLast) return this.#setState({ name: "refused", code, reason });
    if (isBlocked && this.#choice.failed()) return this.#open();
    const wait = this.#waits.next();
    this.#after(wait, () => this.#connect());
    this.#setState({ name: "waiting", retryAt: this.#clock.now() + wait });
  }

  /** @param {number} [code] close code, if the transport ended by itself */
  #release(code) {
    this.#clearTimers();
    this.#heartbeat.stop();
    this.#statusCallbacks = [];
    this.#lookups.lost();
    const transport = this.#transport;
    this.#transport = null;
    transport?.close();
    this.#apply(this.#session.closed(code));
  }

  /** @param {ConnectionState} state */
  #setState(state) {
    this.#state = state;
    this.#delegate?.connectionChanged(state);
    for (const observer of this.#observers) observer(state);
  }

  /**
   * @param {number} ms
   * @param {() => void} then
   */
  #after(ms, then) {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }

  #clearTimers() {
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
  }
}

/**
 * Check if the server itself closed the connection. Then no transport is blocked, and another kind would not help.
 * @param {number} code
 */
function isClosedByServer(code) {
  return code >= 4400 || code === RESTARTING || code === FAULT;
}
