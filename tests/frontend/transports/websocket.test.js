import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { WebSocketTransport } from "../../../frontend/transports/websocket.js";

class FakeWebSocket extends EventTarget {
  static OPEN = 1;
  /** @type {FakeWebSocket | undefined} */
  static last;
  readyState = 0;
  /** @type {string[]} */
  sent = [];
  isClosed = false;

  /**
   * @param {string} url
   * @param {string} protocol
   */
  constructor(url, protocol) {
    super();
    this.url = url;
    this.protocol = protocol;
    FakeWebSocket.last = this;
  }

  /** @param {string} frame */
  send(frame) {
    this.sent.push(frame);
  }

  close() {
    this.isClosed = true;
  }
}

describe("WebSocketTransport", () => {
  const original = globalThis.WebSocket;
  /** @type {unknown[]} */
  let told;
  /** @type {WebSocketTransport} */
  let transport;
  /** @type {FakeWebSocket} */
  let socket;

  before(() => Object.assign(globalThis, { WebSocket: FakeWebSocket }));
  after(() => Object.assign(globalThis, { WebSocket: original }));

  beforeEach(() => {
    told = [];
    transport = new WebSocketTransport("ws://example.test/ws", {
      transportRefused: () => assert.fail("a frame was refused"),
      transportReceived: (frame) => told.push(frame),
      transportClosed: (end) => told.push(end),
    });
    assert.ok(FakeWebSocket.last);
    socket = FakeWebSocket.last;
  });

  it("offers the protocol by name", () => {
    assert.equal(socket.url, "ws://example.test/ws");
    assert.equal(socket.protocol, "streamui.v1");
  });

  it("passes frames of text on, and nothing else", () => {
    socket.dispatchEvent(new MessageEvent("message", { data: "one" }));
    socket.dispatchEvent(new MessageEvent("message", { data: new ArrayBuffer(1) }));
    assert.deepEqual(told, ["one"]);
  });

  it("tells why it ended", () => {
    socket.dispatchEvent(Object.assign(new Event("close"), { code: 4508, reason: "slow" }));
    assert.deepEqual(told, [{ code: 4508, reason: "slow" }]);
  });

  it("sends only while it is open", () => {
    transport.send("early");
    socket.readyState = FakeWebSocket.OPEN;
    transport.send("now");
    assert.deepEqual(socket.sent, ["now"]);
  });

  it("is silent once it was closed", () => {
    transport.close();
    socket.dispatchEvent(new MessageEvent("message", { data: "late" }));
    socket.dispatchEvent(Object.assign(new Event("close"), { code: 1000, reason: "" }));
    assert.equal(socket.isClosed, true);
    assert.deepEqual(told, []);
  });
});
