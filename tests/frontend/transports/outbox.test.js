import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { Outbox } from "../../../frontend/transports/outbox.js";
import { FakeServer, settled } from "./fake-server.js";

describe("Outbox", () => {
  /** @type {FakeServer} */
  let server;
  /** @type {number[]} */
  let failures;
  /** @type {Outbox} */
  let outbox;

  beforeEach(() => {
    server = new FakeServer();
    server.start();
    failures = [];
    outbox = new Outbox({ outboxFailed: (code) => failures.push(code) });
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

  for (const [status, code] of /** @type {const} */ ([[404, 1006], [500, 1006], [413, 1009], [401, 4401]])) {
    it(`fails once with ${code} when a frame is answered with ${status}, and posts no more`, async () => {
      outbox.open("/channel/c1");
      outbox.add("one");
      outbox.add("two");
      await server.last.answer(status);
      assert.deepEqual(failures, [code]);
      assert.deepEqual(bodies(), ["one"]);
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
