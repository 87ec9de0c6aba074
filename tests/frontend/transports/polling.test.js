import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { PollingTransport } from "../../../frontend/transports/polling.js";
import { FakeServer, settled } from "./fake-server.js";

const WELCOME = '{"type":"welcome","connection":"c1"}';
const CHANNEL = "http://example.test/channel/c1";

describe("PollingTransport", () => {
  const original = globalThis.window;
  const page = new EventTarget();
  /** @type {FakeServer} */
  let server;
  /** @type {unknown[]} */
  let told;
  /** @type {PollingTransport} */
  let transport;

  before(() => Object.assign(globalThis, { window: page }));
  after(() => Object.assign(globalThis, { window: original }));

  beforeEach(() => {
    server = new FakeServer();
    server.start();
    told = [];
    transport = new PollingTransport("http://example.test/channel", {
      transportReceived: (frame) => told.push(frame),
      transportRefused: (frame, { code }) => told.push([frame, code]),
      transportClosed: (end) => told.push(end),
    });
  });

  afterEach(() => {
    transport.close();
    server.stop();
  });

  async function open() {
    await server.last.answer(201, WELCOME);
  }

  function requested() {
    return server.requests.map(({ method, url }) => `${method} ${url.replace("http://example.test", "")}`);
  }

  it("opens a channel and polls it for one batch of news after the other", async () => {
    await open();
    await server.last.answer(200, '{"type":"a"}\n{"type":"b"}');
    await server.last.answer(204);
    await server.last.answer(200, '{"type":"c"}');
    assert.deepEqual(told, [WELCOME, '{"type":"a"}\n{"type":"b"}', '{"type":"c"}']);
    assert.deepEqual(requested(), ["POST /channel", ...Array(4).fill("GET /channel/c1/poll?wait=25")]);
  });

  it("posts what it is given beside the poll, also what was to be sent before the welcome", async () => {
    transport.send("early");
    assert.deepEqual(requested(), ["POST /channel"]);
    await open();
    const post = server.requests.find(({ url, method }) => url === CHANNEL && method === "POST");
    assert.equal(post?.options.body, "early");
  });

  it("tells why the server closed, and has nothing to delete then", async () => {
    await open();
    await server.last.answer(410, '{"code":1012,"reason":""}');
    assert.deepEqual(told, [WELCOME, { code: 1012, reason: "" }]);
    assert.equal(requested().some((request) => request.startsWith("DELETE")), false);
  });

  for (const status of [404, 409, 502]) {
    it(`ends when a poll is answered with ${status}, and gives the channel up`, async () => {
      await open();
      await server.last.answer(status);
      assert.deepEqual(told, [WELCOME, { code: 1006, reason: "" }]);
      assert.equal(requested().at(-1), "DELETE /channel/c1");
    });
  }

  it("ends when no channel can be opened", async () => {
    await server.last.answer(503, "busy");
    assert.deepEqual(told, [{ code: 1006, reason: "" }]);
  });

  it("ends when the line is lost", async () => {
    await open();
    await server.last.fail();
    assert.deepEqual(told, [WELCOME, { code: 1006, reason: "" }]);
  });

  it("ends when a frame cannot be posted", async () => {
    await open();
    transport.send("one");
    await server.last.answer(404);
    assert.deepEqual(told, [WELCOME, { code: 1006, reason: "" }]);
  });

  it("goes on when a frame is refused, and says which", async () => {
    await open();
    transport.send("one");
    await server.last.answer(413);
    assert.deepEqual(told, [WELCOME, ["one", "frame_too_large"]]);
  });

  it("deletes its channel when it is closed, in a way that outlives the page, and is silent", async () => {
    await open();
    const poll = server.last;
    transport.close();
    assert.equal(requested().at(-1), "DELETE /channel/c1");
    assert.equal(server.last.options.keepalive, true);
    assert.equal(poll.options.signal?.aborted, true);
    await settled();
    assert.deepEqual(told, [WELCOME]);
  });

  it("deletes its channel when the page is left", async () => {
    await open();
    page.dispatchEvent(new Event("pagehide"));
    assert.equal(requested().at(-1), "DELETE /channel/c1");
    transport.close();
    assert.equal(requested().filter((request) => request.startsWith("DELETE")).length, 1);
  });
});
