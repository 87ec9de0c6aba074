import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { PageSpeed } from "../../../frontend/panels/page-speed.js";

/**
 * @param {[seconds: number, count: number][]} readings
 * @returns {(number | null)[]}
 */
function speeds(...readings) {
  const speed = new PageSpeed();
  return readings.map(([seconds, count]) => speed.add(seconds * 1000, count));
}

describe("PageSpeed", () => {
  it("is the mean of three seconds, as the server's figure is", () => {
    assert.deepEqual(speeds([0, 0], [1, 10], [2, 20], [3, 60], [4, 70]), [null, 10, 10, 20, 20]);
    assert.deepEqual(speeds([0, 90], [1, 99], [2, 99], [3, 99], [4, 99], [5, 99]), [null, 9, 4.5, 3, 0, 0]);
  });

  it("leaves out the time before the first token", () => {
    assert.deepEqual(speeds([0, 0], [1, 0], [2, 0], [3, 30], [4, 60]), [null, 0, 0, 30, 30]);
  });

  it("is null until two readings are known", () => {
    const speed = new PageSpeed();
    speed.add(0, 0);
    speed.clear();
    assert.equal(speed.add(1000, 50), null);
    assert.equal(speed.add(1000, 50), 0);
    assert.equal(speed.add(2000, 40), 0);
  });
});
