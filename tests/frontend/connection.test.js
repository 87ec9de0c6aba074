import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Connection } from "../../frontend/connection.js";
import { FakeClock } from "./fake-clock.js";

/** @typedef {import("../../frontend/connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../../frontend/protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {import("../../frontend/transports/websocket.js").TransportDelegate} TransportDelegate */

const WELCOME = /** @type {const} */ ({ type: "welcome", model: { name: "m" } });

class FakeTransport {
  /** @type {any[]} */
  sent = [];
  isClosed = false;

  /** @param {TransportDelegate} delegate */
  constructor(delegate) {
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
  let random = 0.5;

  beforeEach(() => {
    clock = new FakeClock();
    transports = [];
    states = [];
    events = [];
    random = 0.5;
    connection = new Connection({ openTransport, clock, random: () => random });
    connection.start({
      connectionChanged: (state) => states.push(state),
      connectionDelivered: (event) => events.push(event),
    });
  });

  /** @param {TransportDelegate} delegate */
  function openTransport(delegate) {
    const transport = new FakeTransport(delegate);
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

  function beginAnswer() {
    connection.generate("a", [{ role: "user", content: "Hi" }]);
    current().receive(
      { type: "accepted", id: "a", epoch: "e1", position: 0 },
      { type: "token", id: "a", seq: 2, n: 2, text: "Hello" },
    );
  }

  it("is connected once the server has said welcome", () => {
    assert.equal(state().name, "connecting");
    connect();
    assert.deepEqual(state(), { name: "connected", welcome: WELCOME });
  });

  it("holds a request until welcome", () => {
    connection.generate("a", [{ role: "user", content: "Hi" }]);
    assert.deepEqual(current().sent, []);
    connect();
    assert.deepEqual(current().sent, [{ type: "generate", id: "a", messages: [{ role: "user", content: "Hi" }] }]);
  });

  it("delivers the events of its generations", () => {
    connect();
    beginAnswer();
    assert.deepEqual(events.map(({ type }) => type), ["accepted", "token"]);
  });

  it("waits at random up to a limit that doubles, and starts over after a success", () => {
    const waits = Array.from({ length: 8 }, () => {
      current().end(1006);
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

  it("tries at once when asked or woken while it waits, and only once", () => {
    current().end(1006);
    connection.retryNow();
    assert.equal(transports.length, 2);
    connection.retryNow();
    assert.equal(transports.length, 2);
    current().end(1006);
    connection.wake();
    assert.equal(transports.length, 3);
    clock.advance(5000);
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

  it("looks whether the server is still there when it is woken", () => {
    connect();
    connection.wake();
    assert.equal(current().sent[0].type, "ping");
    clock.advance(10_000);
    assert.equal(state().name, "waiting");
  });

  it("gives up a transport that brings no welcome within 10 s", () => {
    clock.advance(10_000);
    assert.equal(state().name, "waiting");
    assert.equal(current().isClosed, true);
  });

  it("hears nothing more from a transport that it gave up", () => {
    clock.advance(10_000);
    const old = current();
    clock.advance(500);
    old.receive(WELCOME);
    old.end(1006);
    assert.equal(state().name, "connecting");
    assert.equal(transports.length, 2);
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
