import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { Outbox } from "../../../frontend/transports/outbox.js";
import { FakeServer, settled } from "./fake-server.js";

describe("Outbox", () => {
  /** @type {FakeServer} */
  let server;
  /** @type {number[]} */
  let failures;
  /** @type {string[][]} */
  let refusals;
  /** @type {Outbox} */
  let outbox;

  beforeEach(() => {
    server = new FakeServer();
    server.start();
    failures = [];
    refusals = [];
    outbox = new Outbox({
      outboxFailed: (code) => failures.push(code),
      outboxRefused: (frame, { code, message }) => refusals.push([frame, code, message]),
    });
  });

  afterEach(() => {
    outbox.close();
    server.stop();
  });

  function bodies() {
    return server.requests.map(({ options }) => options.body);
  }

  it("holds frames until the channel has a name, then posts them as JSON", () => {
    outbox.add("one");
    assert.deepEqual(server.requests, []);
    outbox.open("/channel/c1");
    const { url, method, options } = server.last;
    assert.deepEqual([url, method, options.body, options.keepalive], ["/channel/c1", "POST", "one", undefined]);
    assert.deepEqual(options.headers, { "Content-Type": "application/json" });
  });

  it("posts one frame at a time, in order", async () => {
    outbox.open("/channel/c1");
    for (const frame of ["one", "two", "three"]) outbox.add(frame);
    assert.deepEqual(bodies(), ["one"]);
    await server.last.answer(204);
    assert.deepEqual(bodies(), ["one", "two"]);
    await server.last.answer(204);
    assert.deepEqual(bodies(), ["one", "two", "three"]);
    assert.deepEqual(failures, []);
  });

  for (const [status, code] of /** @type {const} */ ([[404, 1006], [500, 1006], [401, 4401]])) {
    it(`fails once with ${code} when a frame is answered with ${status}, and posts no more`, async () => {
      outbox.open("/channel/c1");
      outbox.add("one");
      outbox.add("two");
      await server.last.answer(status);
      assert.deepEqual(failures, [code]);
      assert.deepEqual(bodies(), ["one"]);
    });
  }

  for (const [status, body, code, message] of /** @type {const} */ ([
    [413, '{"type":"error","code":"bad_frame","message":"Too long."}', "frame_too_large", "Too long."],
    [413, "<html>", "frame_too_large", "the server answered with the status 413"],
    [400, '{"type":"error","code":"bad_json","message":"Not UTF-8."}', "bad_json", "Not UTF-8."],
    [403, "<html>", "refused_by_proxy", "the server answered with the status 403"],
  ])) {
    it(`reports a frame that is answered with ${status} and ${body}, and posts the next ones`, async () => {
      outbox.open("/channel/c1");
      outbox.add("one");
      outbox.add("two");
      await server.last.answer(status, body);
      assert.deepEqual([refusals, failures], [[["one", code, message]], []]);
      assert.deepEqual(bodies(), ["one", "two"]);
    });
  }

  it("fails when the line is lost", async () => {
    outbox.open("/channel/c1");
    outbox.add("one");
    await server.last.fail();
    assert.deepEqual(failures, [1006]);
  });

  it("breaks off and is silent once it is closed", async () => {
    outbox.open("/channel/c1");
    outbox.add("one");
    outbox.close();
    assert.equal(server.last.options.signal?.aborted, true);
    await settled();
    outbox.add("two");
    assert.deepEqual(failures, []);
    assert.deepEqual(bodies(), ["one"]);
  });
});
