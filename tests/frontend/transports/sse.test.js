import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { EventStreamTransport } from "../../../frontend/transports/sse.js";
import { FakeServer } from "./fake-server.js";

const WELCOME = '{"type":"welcome","connection":"c1"}';

class FakeEventSource extends EventTarget {
  /** @type {FakeEventSource | undefined} */
  static last;
  isClosed = false;

  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    FakeEventSource.last = this;
  }

  /**
   * @param {string} type
   * @param {string} data
   */
  receive(type, data) {
    this.dispatchEvent(new MessageEvent(type, { data }));
  }

  close() {
    this.isClosed = true;
  }
}

describe("EventStreamTransport", () => {
  const original = globalThis.EventSource;
  /** @type {FakeServer} */
  let server;
  /** @type {unknown[]} */
  let told;
  /** @type {EventStreamTransport} */
  let transport;
  /** @type {FakeEventSource} */
  let source;

  before(() => Object.assign(globalThis, { EventSource: FakeEventSource }));
  after(() => Object.assign(globalThis, { EventSource: original }));

  beforeEach(() => {
    server = new FakeServer();
    server.start();
    told = [];
    transport = new EventStreamTransport("http://example.test/channel", {
      transportRefused: () => assert.fail("a frame was refused"),
      transportReceived: (frame) => told.push(frame),
      transportClosed: (end) => told.push(end),
    });
    assert.ok(FakeEventSource.last);
    source = FakeEventSource.last;
  });

  afterEach(() => {
    transport.close();
    server.stop();
  });

  it("passes every message on as it came, whatever its type", () => {
    assert.equal(source.url, "http://example.test/channel");
    const frames = [WELCOME, '{"type":"token","text":"a"}', '{"type":"error","code":"busy"}', '{"type":"goodbye"}'];
    for (const frame of frames) source.receive(JSON.parse(frame).type, frame);
    assert.deepEqual(told, frames);
  });

  it("posts to the channel that the welcome names, also what was to be sent before", () => {
    transport.send("early");
    assert.deepEqual(server.requests, []);
    source.receive("welcome", WELCOME);
    assert.equal(server.last.url, "http://example.test/channel/c1");
    assert.equal(server.last.options.body, "early");
  });

  it("tells why the server closed", () => {
    source.receive("close", '{"code":1012,"reason":"restarting"}');
    assert.deepEqual(told, [{ code: 1012, reason: "restarting" }]);
    assert.equal(source.isClosed, true);
  });

  it("ends with a stream that is lost, rather than let it begin another one by itself", () => {
    source.receive("welcome", WELCOME);
    source.dispatchEvent(new Event("error"));
    source.dispatchEvent(new Event("error"));
    assert.deepEqual(told, [WELCOME, { code: 1006, reason: "" }]);
    assert.equal(source.isClosed, true);
  });

  it("ends when a frame cannot be posted", async () => {
    source.receive("welcome", WELCOME);
    transport.send("one");
    await server.last.answer(404);
    assert.deepEqual(told, [WELCOME, { code: 1006, reason: "" }]);
    assert.equal(source.isClosed, true);
  });

  it("is silent once it was closed", () => {
    transport.close();
    source.receive("token", "late");
    source.dispatchEvent(new Event("error"));
    assert.equal(source.isClosed, true);
    assert.deepEqual(told, []);
  });
});
