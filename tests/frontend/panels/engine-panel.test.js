import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { describeSample, describeSpeed } from "../../../frontend/panels/engine-panel.js";
import { linePath, roundTop } from "../../../frontend/panels/speed-plot.js";
import { SpeedSeries } from "../../../frontend/panels/speed-series.js";

/** @param {(number | null)[]} values */
function series(...values) {
  const made = new SpeedSeries(60);
  for (const value of values) made.add(value);
  return made;
}

describe("describeSample", () => {
  it("says what the engine is doing", () => {
    const status = /** @type {const} */ ({ type: "status", running: 2, queued: 3, tokens_per_second: 81.6, kv_used: 1024, kv_tokens: 8192 });
    assert.deepEqual(describeSample({ status, roundTrip: 0.4, pagePerSecond: 40.2 }, { parallel: 4 }), [
      ["Running", "2 of 4 answers"],
      ["Queue", "3 waiting"],
      ["This browser", "40 tokens/s"],
      ["Server total", "82 tokens/s"],
      ["KV cache", "1,024 of 8,192 tokens (13%)"],
      ["Round trip", "under 1 ms"],
    ]);
  });

  it("leaves out what the server does not tell", () => {
    const terms = describeSample({ status: { type: "status", running: 0, queued: 0 }, roundTrip: 12, pagePerSecond: 0 }, {});
    assert.deepEqual(terms.map(([, fact]) => fact), ["0", "empty", "0 tokens/s", "12 ms"]);
  });

  it("says when other programs keep the cores busy", () => {
    const facts = [0.6, 0.75, 2.1].map((busy) => {
      const status = /** @type {const} */ ({ type: "status", running: 1, cores: 8, busy_cores: busy });
      return Object.fromEntries(describeSample({ status, roundTrip: 1, pagePerSecond: 0 }, {}))["Shared machine"];
    });
    assert.deepEqual(facts, [undefined, "1 of 8 cores is busy with other programs", "2 of 8 cores are busy with other programs"]);
  });

  it("says so when the server does not answer", () => {
    assert.deepEqual(describeSample({ status: null, roundTrip: 0, pagePerSecond: 0 }, {}), [["Engine", "no answer from the server"]]);
  });

  it("shows no speed once nothing runs, and none that is not measured yet", () => {
    const status = /** @type {const} */ ({ type: "status", running: 0, queued: 0, tokens_per_second: 7 });
    const idle = Object.fromEntries(describeSample({ status, roundTrip: 1, pagePerSecond: 7 }, {}));
    assert.deepEqual([idle["This browser"], idle["Server total"]], ["0 tokens/s", "0 tokens/s"]);
    const first = describeSample({ status: { ...status, running: 1 }, roundTrip: 1, pagePerSecond: null }, {});
    assert.equal(Object.fromEntries(first)["This browser"], "measuring…");
  });
});

describe("describeSpeed", () => {
  it("says in words what the plot shows", () => {
    assert.equal(describeSpeed(series(0, 0), series(null, null), true), "This browser: idle.");
    assert.equal(
      describeSpeed(series(0, 40, 60), series(null, 80, 100), false),
      "This browser: 60 now, 50 on average, 60 at peak. Server total: 100 now, 90 on average, 100 at peak.",
    );
  });

  it("says nothing of what isn't measured, and 0 once nothing runs", () => {
    assert.equal(describeSpeed(series(null), series(null), true), "Nothing measured yet.");
    assert.equal(describeSpeed(series(null), series(40), false), "Server total: 40 now, 40 on average, 40 at peak.");
    assert.equal(describeSpeed(series(null, 7), series(7, 7), true),
      "This browser: 0 now, 7 on average, 7 at peak. Server total: 0 now, 7 on average, 7 at peak.");
  });
});

describe("SpeedSeries", () => {
  it("forgets the oldest samples", () => {
    const short = new SpeedSeries(2);
    for (const value of [9, 1, 2]) short.add(value);
    assert.deepEqual(short.values, [1, 2]);
    assert.equal(short.peak, 2);
    short.clear();
    assert.deepEqual([short.latest, short.peak, short.mean, short.isKnown], [null, 0, 0, false]);
  });
});

describe("The plot", () => {
  it("has a round figure at its upper edge that no value exceeds", () => {
    const peaks = [0, 9, 10, 11, 20, 21, 51, 101, 999, 1001];
    assert.deepEqual(peaks.map(roundTop), [10, 10, 10, 20, 20, 50, 100, 200, 1000, 2000]);
  });

  it("draws the newest sample at the right and leaves gaps where nothing is known", () => {
    assert.equal(linePath([], 5, 10), "");
    assert.equal(linePath([0, 10, null, 5], 5, 10), "M80.0 95.0L160.0 5.0M320.0 50.0");
  });
});
