/**
 * One lasting connection to the server, over as many transports in a row as it takes, and over another kind of
 * transport where one does not get through. Owns the session, so running generations outlive a transport.
 */

import { Heartbeat, WAKE_PATIENCE_MS } from "./heartbeat.js";
import { askStatus, parseFrame, ping } from "./protocol/messages.js";
import { Session } from "./protocol/session.js";
import { wellFormedJson } from "./protocol/well-formed.js";

/** @typedef {import("./protocol/messages.js").ClientMessage} ClientMessage */
/** @typedef {import("./protocol/messages.js").ErrorMessage} ErrorMessage */
/** @typedef {import("./protocol/messages.js").Generate} Generate */
/** @typedef {import("./protocol/messages.js").PlainGenerate} PlainGenerate */
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
 *   retryAt by the clock; refused means that trying again by itself would not help
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
 * @property {() => void} logIn goes to where a token can be shown
 */

/** The longest possible wait before the first attempt; it doubles with each further one. Milliseconds. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** How long a new transport may take until `welcome`, in milliseconds; it doubles with each round without one. */
const WELCOME_MS = 5000;
const LONGEST_WELCOME_MS = 20_000;
/** Close codes of the server, PROTOCOL 9. */
const FAULT = 1011;
const BAD_FRAMES = 4400;
const BAD_TOKEN = 4401;
const RESTARTING = 1012;

export class Connection {
  #openTransport;
  #choice;
  #clock;
  #random;
  #logIn;
  #session = new Session();
  #heartbeat;
  /** @type {ConnectionDelegate | null} */
  #delegate = null;
  /** @type {ConnectionState} */
  #state = { name: "stopped" };
  /** @type {Transport | null} */
  #transport = null;
  #attempts = 0;
  /** @type {number | null} milliseconds that the server asked to stay away */
  #askedWait = null;
  /** @type {Set<unknown>} */
  #timers = new Set();
  /** @type {Set<(state: ConnectionState) => void>} */
  #observers = new Set();
  /** @type {((status: ServerStatus) => void)[]} those who asked how the server stands */
  #askers = [];
  #pieceCount = 0;

  /** @param {Surroundings} surroundings */
  constructor({ openTransport, choice, clock, random, logIn }) {
    this.#openTransport = openTransport;
    this.#choice = choice;
    this.#clock = clock;
    this.#random = random;
    this.#logIn = logIn;
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
    this.#become({ name: "stopped" });
  }

  /**
   * Tells of each change, besides the delegate.
   * @param {(state: ConnectionState) => void} observer
   */
  observe(observer) {
    this.#observers.add(observer);
  }

  /** How many pieces of text have come in so far, for all answers. */
  get pieceCount() {
    return this.#pieceCount;
  }

  /**
   * Asks how the server stands. Without a connection nothing is asked, and nothing told if it is lost meanwhile.
   * @param {(status: ServerStatus) => void} told
   */
  askStatus(told) {
    if (this.#state.name !== "connected") return;
    this.#askers.push(told);
    this.#send([askStatus()]);
  }

  /**
   * Starts an answer now, or as soon as there is a connection.
   * @param {Generate | PlainGenerate} request
   * @param {boolean} [mayBeThere] whether an earlier page may have brought it to the server
   */
  generate(request, mayBeThere) {
    this.#take(this.#session.begin(request, mayBeThere));
  }

  /**
   * Reads an answer from its beginning that was asked for elsewhere, or earlier.
   * @param {string} id
   */
  follow(id) {
    this.#take(this.#session.follow(id));
  }

  /** @param {string} id */
  cancel(id) {
    this.#take(this.#session.cancel(id));
  }

  /**
   * Delivers nothing more of this answer, which goes on.
   * @param {string} id
   */
  detach(id) {
    this.#take(this.#session.detach(id));
  }

  /** Delivers from now on which conversations change. */
  watch() {
    this.#take(this.#session.watch());
  }

  /** Tries again at once where it would wait. */
  retryNow() {
    if (this.#state.name !== "waiting" && this.#state.name !== "refused") return;
    this.#connect();
  }

  /** The network or the page has changed: what looked alive may be dead, and what was waited for may work now. */
  wake() {
    if (this.#state.name === "connected") this.#heartbeat.ask(WAKE_PATIENCE_MS);
    if (this.#state.name === "waiting") this.#connect();
  }

  #connect() {
    this.#release();
    this.#become({ name: "connecting" });
    this.#choice.begin();
    this.#open();
  }

  #open() {
    this.#after(Math.min(LONGEST_WELCOME_MS, WELCOME_MS * 2 ** this.#attempts), () => this.#drop());
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
   * The server, or a proxy before it, takes everything but this frame.
   * @param {string} frame
   * @param {ErrorMessage} error
   */
  #refusedFrame(frame, error) {
    const { type, id } = JSON.parse(frame);
    if (type === "generate") this.#take(this.#session.refused(id, error));
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    if (message.type === "welcome") return this.#welcomed(message);
    if (message.type === "status" && message.id === undefined) return this.#answerAskers(message);
    if (message.type === "token") this.#pieceCount += message.n ?? 1;
    if (message.type === "goodbye") this.#askedWait = message.reconnect_ms ?? null;
    this.#take(this.#session.receive(message));
  }

  /** @param {ServerStatus} status */
  #answerAskers(status) {
    for (const told of this.#askers.splice(0)) told(status);
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    if (welcome.auth) return this.#closed({ code: BAD_TOKEN, reason: "" });
    this.#clearTimers();
    this.#attempts = 0;
    this.#askedWait = null;
    this.#heartbeat.start();
    this.#choice.welcomed();
    this.#become({ name: "connected", welcome, transport: this.#choice.kind });
    this.#take(this.#session.opened());
  }

  /** @param {Step} step */
  #take({ send, deliver, later = [] }) {
    this.#send(send);
    for (const event of deliver) this.#delegate?.connectionDelivered(event);
    for (const { message, afterMs } of later) this.#after(afterMs, () => this.#send([message]));
  }

  /** @param {ClientMessage[]} messages */
  #send(messages) {
    for (const message of messages) this.#transport?.send(wellFormedJson(message));
  }

  /** Gives up a transport that does not answer. */
  #drop() {
    this.#closed({ code: 1006, reason: "" });
  }

  /** @param {{code: number, reason: string}} end */
  #closed({ code, reason }) {
    const isBlocked = this.#state.name === "connecting" && !isWordOfServer(code);
    this.#release(code);
    if (code === BAD_TOKEN) this.#logIn();
    const mayLast = code === BAD_FRAMES && this.#session.hasRefusedFrame;
    if (code >= 4400 && code < 4500 && !mayLast) return this.#become({ name: "refused", code, reason });
    if (isBlocked && this.#choice.failed()) return this.#open();
    const wait = this.#nextWait();
    this.#after(wait, () => this.#connect());
    this.#become({ name: "waiting", retryAt: this.#clock.now() + wait });
  }

  /**
   * Full jitter: anything from no wait to the longest one, so that many clients do not return together.
   * @returns {number} milliseconds
   */
  #nextWait() {
    const longest = this.#askedWait ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts);
    this.#askedWait = null;
    this.#attempts += 1;
    return Math.floor(this.#random() * longest);
  }

  /** @param {number} [code] close code of the transport that ended by itself */
  #release(code) {
    this.#clearTimers();
    this.#heartbeat.stop();
    this.#askers = [];
    const transport = this.#transport;
    this.#transport = null;
    transport?.close();
    this.#take(this.#session.closed(code));
  }

  /** @param {ConnectionState} state */
  #become(state) {
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
 * Whether it is the server that closed: then it can be reached, and no other transport would bring more.
 * @param {number} code
 */
function isWordOfServer(code) {
  return code >= 4400 || code === RESTARTING || code === FAULT;
}
