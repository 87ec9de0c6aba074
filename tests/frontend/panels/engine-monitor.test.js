import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { EngineMonitor, PERIOD_MS } from "../../../frontend/panels/engine-monitor.js";
import { FakeClock } from "../fake-clock.js";

/** @typedef {import("../../../frontend/panels/engine-monitor.js").Sample} Sample */
/** @typedef {import("../../../frontend/protocol/messages.js").ServerStatus} ServerStatus */

describe("EngineMonitor", () => {
  /** @type {FakeClock} */
  let clock;
  /** @type {((status: ServerStatus) => void)[]} */
  let asked;
  /** @type {Sample[]} */
  let samples;
  /** @type {{pieceCount: number, askStatus: (told: (status: ServerStatus) => void) => void}} */
  let connection;
  /** @type {EngineMonitor} */
  let monitor;

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    samples = [];
    connection = { pieceCount: 0, askStatus: (told) => asked.push(told) };
    monitor = new EngineMonitor(connection, clock);
  });

  /** @param {number} tokens_per_second of the whole server */
  function answer(tokens_per_second) {
    asked.at(-1)?.({ type: "status", running: 1, queued: 0, tokens_per_second });
  }

  it("asks once a second and tells of each answer as it comes", () => {
    monitor.start((sample) => samples.push(sample));
    clock.advance(5);
    answer(80);
    assert.deepEqual(samples, [{ status: { type: "status", running: 1, queued: 0, tokens_per_second: 80 }, roundTrip: 5, pagePerSecond: null }]);
    connection.pieceCount = 40;
    clock.advance(PERIOD_MS);
    assert.equal(asked.length, 2);
    answer(80);
    assert.equal(samples[1]?.pagePerSecond, 40);
  });

  it("says so when no answer came in time, and does not take a late one for the next", () => {
    monitor.start((sample) => samples.push(sample));
    clock.advance(PERIOD_MS);
    asked[0]?.({ type: "status", running: 9 });
    clock.advance(PERIOD_MS);
    assert.deepEqual(samples.map(({ status }) => status), [null, null]);
  });

  it("never gives this page more than the whole server", () => {
    monitor.start((sample) => samples.push(sample));
    answer(0);
    for (const [count, server] of /** @type {const} */ ([[7, 0], [500, 30], [500, 20], [500, 0]])) {
      connection.pieceCount = count;
      clock.advance(PERIOD_MS);
      answer(server);
      assert.ok((samples.at(-1)?.pagePerSecond ?? Infinity) <= server, `${count} and ${server}`);
    }
  });

  it("does without the server's figure", () => {
    monitor.start((sample) => samples.push(sample));
    asked[0]?.({ type: "status", running: 1 });
    connection.pieceCount = 9;
    clock.advance(PERIOD_MS);
    asked[1]?.({ type: "status", running: 1 });
    assert.equal(samples[1]?.pagePerSecond, 9);
  });

  it("asks nothing more once nobody looks", () => {
    monitor.start((sample) => samples.push(sample));
    monitor.stop();
    clock.advance(10 * PERIOD_MS);
    assert.equal(asked.length, 1);
    assert.equal(clock.timerCount, 0);
    assert.deepEqual(samples, []);
  });

  it("is started once", () => {
    monitor.start((sample) => samples.push(sample));
    monitor.start((sample) => samples.push(sample));
    assert.equal(asked.length, 1);
  });
});
