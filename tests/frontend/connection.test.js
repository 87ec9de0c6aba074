import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Connection } from "../../frontend/connection.js";
import { TransportChoice } from "../../frontend/transport-choice.js";
import { FakeClock } from "./fake-clock.js";
import { FakeBrowser } from "./fake-storage.js";

/** @typedef {import("../../frontend/connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../../frontend/protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {import("../../frontend/transport-choice.js").TransportKind} TransportKind */
/** @typedef {import("../../frontend/transports/websocket.js").TransportDelegate} TransportDelegate */

const REQUEST = /** @type {const} */ ({ type: "generate", id: "a", conversation: "c", parent: null, content: "Hi" });
const WELCOME = /** @type {const} */ ({ type: "welcome", model: { name: "m" } });

class FakeTransport {
  /** @type {any[]} */
  sent = [];
  isClosed = false;

  /**
   * @param {TransportKind} kind
   * @param {TransportDelegate} delegate
   */
  constructor(kind, delegate) {
    this.kind = kind;
    this.delegate = delegate;
  }

  /** @param {string} frame */
  send(frame) {
    this.sent.push(JSON.parse(frame));
  }

  close() {
    this.isClosed = true;
  }

  /** @param {object[]} messages */
  receive(...messages) {
    this.delegate.transportReceived(messages.map((message) => JSON.stringify(message)).join("\n"));
  }

  /** @param {number} code */
  end(code) {
    this.delegate.transportClosed({ code, reason: "" });
  }
}

describe("Connection", () => {
  /** @type {FakeClock} */
  let clock;
  /** @type {FakeTransport[]} */
  let transports;
  /** @type {ConnectionState[]} */
  let states;
  /** @type {SessionEvent[]} */
  let events;
  /** @type {Connection} */
  let connection;
  /** @type {string[]} the state at each login */
  let logins;
  let random = 0.5;

  beforeEach(() => {
    clock = new FakeClock();
    transports = [];
    states = [];
    events = [];
    logins = [];
    random = 0.5;
    const choice = new TransportChoice(new FakeBrowser().openTab(), () => clock.now());
    connection = new Connection({ openTransport, choice, clock, random: () => random, logIn: () => logins.push(state().name) });
    connection.start({
      connectionChanged: (state) => states.push(state),
      connectionDelivered: (event) => events.push(event),
    });
  });

  /**
   * @param {TransportKind} kind
   * @param {TransportDelegate} delegate
   */
  function openTransport(kind, delegate) {
    const transport = new FakeTransport(kind, delegate);
    transports.push(transport);
    return transport;
  }

  function current() {
    const transport = transports.at(-1);
    assert.ok(transport);
    return transport;
  }

  function state() {
    const last = states.at(-1);
    assert.ok(last);
    return last;
  }

  function connect() {
    current().receive(WELCOME);
  }

  /** Ends the attempts of a whole round. */
  function fail(code = 1006) {
    while (state().name === "connecting") current().end(code);
  }

  function beginAnswer() {
    connection.generate(REQUEST);
    current().receive(
      { type: "accepted", id: "a", epoch: "e1", position: 0 },
      { type: "token", id: "a", seq: 2, n: 2, text: "Hello" },
    );
  }

  it("is connected once the server has said welcome", () => {
    assert.equal(state().name, "connecting");
    connect();
    assert.deepEqual(state(), { name: "connected", welcome: WELCOME, transport: "websocket" });
  });

  it("holds a request until welcome", () => {
    connection.generate(REQUEST);
    assert.deepEqual(current().sent, []);
    connect();
    assert.deepEqual(current().sent, [REQUEST]);
  });

  it("delivers the events of its generations", () => {
    connect();
    beginAnswer();
    assert.deepEqual(events.map(({ type }) => type), ["accepted", "token"]);
  });

  it("waits at random up to a limit that doubles, and starts over after a success", () => {
    const waits = Array.from({ length: 8 }, () => {
      fail();
      const waiting = state();
      assert.equal(waiting.name, "waiting");
      const wait = "retryAt" in waiting ? waiting.retryAt - clock.now() : NaN;
      clock.advance(wait);
      return wait;
    });
    assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    connect();
    current().end(1006);
    assert.deepEqual(state(), { name: "waiting", retryAt: clock.now() + 500 });
  });

  it("uses the whole range of the jitter", () => {
    random = 0;
    current().end(1012);
    assert.deepEqual(state(), { name: "waiting", retryAt: 0 });
    clock.advance(0);
    random = 0.999;
    current().end(1012);
    assert.deepEqual(state(), { name: "waiting", retryAt: 1998 });
  });

  it("stays away for as long as the server asks", () => {
    connect();
    current().receive({ type: "goodbye", code: 4503, reconnect_ms: 5000 });
    current().end(4503);
    assert.deepEqual(state(), { name: "waiting", retryAt: 2500 });
  });

  it("attaches its running generations when it is back", () => {
    connect();
    beginAnswer();
    current().end(1006);
    clock.advance(1000);
    connect();
    assert.deepEqual(current().sent, [{ type: "attach", id: "a", epoch: "e1", after: 2 }]);
    current().receive({ type: "error", re: "attach", id: "a", code: "unknown_id", message: "No." });
    assert.deepEqual(events.at(-1), { type: "lost", id: "a" });
  });

  it("repeats a cancel that may not have arrived", () => {
    connect();
    beginAnswer();
    connection.cancel("a");
    current().end(1006);
    clock.advance(1000);
    connect();
    assert.deepEqual(current().sent.at(-1), { type: "cancel", id: "a" });
  });

  it("attaches again after the time that the server asks for", () => {
    connect();
    beginAnswer();
    const before = current().sent.length;
    const refusal = { type: "error", re: "attach", id: "a", code: "rate_limited", message: "Wait.", retryable: true };
    current().receive({ ...refusal, retry_after_ms: 300 });
    clock.advance(299);
    assert.equal(current().sent.length, before);
    clock.advance(1);
    assert.deepEqual(current().sent.at(-1), { type: "attach", id: "a", epoch: "e1", after: 2 });
  });

  it("does not come back by itself when something has to be mended first", () => {
    connect();
    current().end(4429);
    assert.deepEqual(state(), { name: "refused", code: 4429, reason: "" });
    clock.advance(120_000);
    assert.equal(transports.length, 1);
    connection.retryNow();
    assert.equal(transports.length, 2);
  });

  it("comes back after 4400 where a request was the reason, and goes on with the others", () => {
    connect();
    connection.generate(REQUEST);
    connection.generate({ ...REQUEST, id: "b" });
    current().end(4400);
    assert.deepEqual(events.map((event) => `${event.type} ${"id" in event && event.id}`), ["rejected a"]);
    clock.advance(1000);
    connect();
    assert.deepEqual(current().sent.map(({ id }) => id), ["b"]);
    current().receive({ type: "accepted", id: "b", epoch: "e1", position: 0 });
    current().end(4400);
    assert.equal(state().name, "refused");
  });

  it("ends the request of a frame that the transport could not bring", () => {
    connect();
    connection.generate(REQUEST);
    const error = /** @type {const} */ ({ type: "error", code: "frame_too_large", message: "Too large." });
    current().delegate.transportRefused(JSON.stringify(REQUEST), error);
    assert.deepEqual(events, [{ type: "rejected", id: "a", error }]);
    current().delegate.transportRefused('{"type":"ping","nonce":"1"}', error);
    assert.deepEqual([events.length, state().name], [1, "connected"]);
  });

  it("sends only well-formed text", () => {
    connect();
    connection.generate({ ...REQUEST, content: "a\ud83d" });
    assert.equal(current().sent.at(-1).content, "a\ufffd");
  });

  it("goes back to the WebSocket if the server came back just after its attempt", () => {
    connect();
    beginAnswer();
    for (let lost = 0; lost < 3; lost += 1) {
      current().end(1006);
      clock.advance(30_000);
    }
    assert.equal(current().kind, "websocket");
    current().end(1006);
    const stream = current();
    assert.equal(stream.kind, "sse");
    connect();
    assert.ok(stream.isClosed);
    assert.deepEqual([stream.sent, state().name, current().kind], [[], "connecting", "websocket"]);
    connect();
    assert.deepEqual(state(), { name: "connected", welcome: WELCOME, transport: "websocket" });
    assert.deepEqual(current().sent, [{ type: "attach", id: "a", epoch: "e1", after: 2 }]);
  });

  it("tries at once when asked or woken while it waits, and only once", () => {
    current().end(1012);
    connection.retryNow();
    assert.equal(transports.length, 2);
    connection.retryNow();
    assert.equal(transports.length, 2);
    current().end(1012);
    connection.wake();
    assert.equal(transports.length, 3);
    clock.advance(4000);
    assert.equal(transports.length, 3);
  });

  it("asks for a sign of life every 20 s of connection", () => {
    connect();
    clock.advance(19_999);
    assert.equal(current().sent.length, 0);
    clock.advance(1);
    assert.equal(current().sent[0].type, "ping");
    current().receive({ type: "pong", nonce: current().sent[0].nonce });
    clock.advance(20_000);
    assert.equal(current().sent.length, 2);
  });

  it("takes a server that does not answer for 10 s for gone", () => {
    connect();
    clock.advance(29_999);
    assert.equal(state().name, "connected");
    clock.advance(1);
    assert.equal(state().name, "waiting");
    assert.equal(transports[0]?.isClosed, true);
  });

  it("takes any frame for a sign of life", () => {
    connect();
    clock.advance(20_000);
    current().receive({ type: "status", state: "decode" });
    clock.advance(15_000);
    assert.equal(state().name, "connected");
  });

  it("looks whether the server is still there when it is woken, with less patience", () => {
    connect();
    connection.wake();
    assert.equal(current().sent[0].type, "ping");
    clock.advance(3999);
    assert.equal(state().name, "connected");
    clock.advance(1);
    assert.equal(state().name, "waiting");
  });

  it("goes to the login page when the token is revoked, or the server waits for one, and does not come back by itself", () => {
    connect();
    current().end(4401);
    assert.equal(logins.length, 1);
    assert.equal(state().name, "refused");
    connection.retryNow();
    const anonymous = current();
    anonymous.receive({ ...WELCOME, auth: true });
    assert.equal(logins.length, 2);
    assert.deepEqual(state(), { name: "refused", code: 4401, reason: "" });
    assert.ok(anonymous.isClosed);
    clock.advance(120_000);
    assert.equal(logins.length, 2);
  });

  it("answers a server that asks for a token with hello, on every connection", () => {
    const choice = new TransportChoice(new FakeBrowser().openTab(), () => clock.now());
    connection = new Connection({ openTransport, choice, clock, random: () => random, logIn: () => logins.push(state().name), token: "t1" });
    connection.start({ connectionChanged: (changed) => states.push(changed), connectionDelivered: () => {} });
    connection.generate(REQUEST);
    for (const code of [1006, 4401]) {
      current().receive({ ...WELCOME, auth: true });
      assert.equal(state().name, "connected");
      assert.deepEqual(current().sent, [{ type: "hello", token: "t1" }, REQUEST]);
      current().end(code);
      clock.advance(500);
    }
    assert.deepEqual(state(), { name: "refused", code: 4401, reason: "" }, "the server does not know the token");
  });

  it("tries another transport at once where one is refused, closed at once, or brings no welcome in time", () => {
    current().end(1006);
    assert.deepEqual(transports.map(({ kind }) => kind), ["websocket", "sse"]);
    clock.advance(5000);
    assert.equal(transports[1]?.isClosed, true);
    assert.deepEqual(transports.map(({ kind }) => kind), ["websocket", "sse", "polling"]);
    assert.deepEqual(states.map(({ name }) => name), ["connecting"]);
    connect();
    assert.deepEqual(state(), { name: "connected", welcome: WELCOME, transport: "polling" });
  });

  it("waits once no transport has brought a welcome, then gives them more time", () => {
    clock.advance(15_000);
    assert.equal(state().name, "waiting");
    clock.advance(500);
    clock.advance(9999);
    assert.equal(current().kind, "websocket");
    clock.advance(1);
    assert.equal(current().kind, "sse");
  });

  it("comes back over the transport that worked", () => {
    current().end(1006);
    connect();
    current().end(1006);
    clock.advance(1000);
    assert.equal(current().kind, "sse");
  });

  for (const code of [1011, 1012, 4503]) {
    it(`does not take a server that closes with ${code} for a transport that is blocked`, () => {
      current().end(code);
      assert.equal(state().name, "waiting");
      assert.equal(transports.length, 1);
    });
  }

  it("goes on over the next transport with what an earlier one carried", () => {
    connect();
    beginAnswer();
    current().end(1006);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      connection.retryNow();
      current().end(1006);
    }
    connect();
    current().end(1006); // the WebSocket, once more
    assert.equal(current().kind, "sse");
    connect();
    assert.deepEqual(current().sent, [{ type: "attach", id: "a", epoch: "e1", after: 2 }]);
  });

  it("says on each connection when changes are delivered", () => {
    let begun = 0;
    connection.watch(() => (begun += 1));
    for (const times of [1, 2]) {
      connect();
      assert.deepEqual(current().sent, [{ type: "watch" }, { type: "status" }]);
      assert.equal(begun, times - 1);
      current().receive({ type: "status" });
      assert.equal(begun, times);
      current().end(1006);
      connection.retryNow();
    }
  });

  it("follows an answer that was asked for elsewhere, and repeats what may not have arrived", () => {
    connection.watch(() => {});
    connection.follow("b");
    connection.generate(REQUEST, true);
    connection.cancel("a");
    connect();
    assert.deepEqual(current().sent, [{ type: "watch" }, { type: "attach", id: "b", after: 0 }, REQUEST, { type: "cancel", id: "a" }, { type: "status" }]);
    current().receive({ type: "conversation", id: "c", version: 1 });
    assert.equal(events.at(-1)?.type, "conversation");
  });

  it("delivers nothing more of what it has detached from", () => {
    connect();
    beginAnswer();
    connection.detach("a");
    assert.deepEqual(current().sent.at(-1), { type: "detach", id: "a" });
    current().receive({ type: "token", id: "a", seq: 3, n: 1, text: "!" });
    assert.equal(events.length, 2);
    current().end(1006);
    clock.advance(1000);
    connect();
    assert.deepEqual(current().sent, []);
  });

  it("hears nothing more from a transport that it gave up", () => {
    const [old] = transports;
    clock.advance(5000);
    old?.receive(WELCOME);
    old?.end(1006);
    assert.equal(state().name, "connecting");
    assert.equal(transports.length, 2);
  });

  it("asks how the server stands, and tells whoever asked", () => {
    const told = /** @type {any[]} */ ([]);
    connection.askStatus((status) => told.push(status));
    assert.deepEqual(current().sent, []);
    connect();
    connection.askStatus((status) => told.push(status));
    assert.deepEqual(current().sent, [{ type: "status" }]);
    current().receive({ type: "status", running: 1, queued: 0 });
    current().receive({ type: "status", running: 2, queued: 0 });
    assert.deepEqual(told, [{ type: "status", running: 1, queued: 0 }]);
    assert.deepEqual(events, []);
  });

  it("tells nothing of a question that was lost with its connection", () => {
    const told = /** @type {any[]} */ ([]);
    connect();
    connection.askStatus((status) => told.push(status));
    current().end(1006);
    clock.advance(1000);
    connect();
    current().receive({ type: "status", running: 1, queued: 0 });
    assert.deepEqual(told, []);
  });

  it("gives each question about alternatives its answer or error, in order", () => {
    const looked = /** @type {any[]} */ ([]);
    connect();
    connection.askAlternatives("a", 3, undefined, (answer) => looked.push(["first", answer]));
    connection.askAlternatives("a", 99, 5, (answer) => looked.push(["second", answer]));
    assert.deepEqual(current().sent, [
      { type: "alternatives", id: "a", seq: 3 },
      { type: "alternatives", id: "a", seq: 99, count: 5 },
    ]);
    const tokens = [{ token: " cat", logprob: -0.2, chosen: true }];
    const error = { type: "error", re: "alternatives", id: "a", code: "invalid_field", message: "No.", retryable: false };
    current().receive({ type: "alternatives", id: "a", seq: 3, tokens }, error);
    assert.deepEqual(looked, [
      ["first", { tokens }],
      ["second", { error }],
    ]);
    assert.deepEqual(events, []);
  });

  it("fails questions about alternatives that have no connection, or lose it", () => {
    const codes = /** @type {string[]} */ ([]);
    const receive = (/** @type {any} */ { error }) => codes.push(error.code);
    connection.askAlternatives("a", 1, undefined, receive);
    assert.deepEqual(codes, ["lost"]);
    connect();
    connection.askAlternatives("a", 1, undefined, receive);
    connection.askAlternatives("a", 2, undefined, receive);
    current().end(1006);
    assert.deepEqual(codes, ["lost", "lost", "lost"]);
    clock.advance(1000);
    connect();
    current().receive({ type: "alternatives", id: "a", seq: 1, tokens: [] });
    assert.equal(codes.length, 3);
  });

  it("counts the pieces that come in, and tells observers of its states", () => {
    const observed = /** @type {string[]} */ ([]);
    connection.observe(({ name }) => observed.push(name));
    connect();
    beginAnswer();
    assert.equal(connection.pieceCount, 2);
    connection.stop();
    assert.deepEqual(observed, ["connected", "stopped"]);
  });

  it("leaves no timer and no transport behind", () => {
    connect();
    beginAnswer();
    connection.stop();
    assert.equal(state().name, "stopped");
    assert.equal(current().isClosed, true);
    assert.equal(clock.timerCount, 0);
  });
});
