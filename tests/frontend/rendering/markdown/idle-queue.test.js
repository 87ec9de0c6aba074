import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { IdleQueue } from "../../../../frontend/rendering/markdown/idle-queue.js";

describe("The queue of work for the pauses between frames", () => {
  /** @type {((pause: {timeRemaining: () => number, didTimeout?: boolean}) => void)[]} */
  let requests;
  /** @type {number[]} */
  let done;
  /** @type {IdleQueue} */
  let queue;
  let now = 0;

  beforeEach(() => {
    now = 0;
    mock.method(performance, "now", () => now);
    [requests, done] = [[], []];
    queue = new IdleQueue((then) => requests.push(then));
    for (let job = 0; job < 6; job += 1) {
      queue.add(() => {
        now += 1;
        done.push(job);
      });
    }
  });

  afterEach(() => mock.restoreAll());

  it("asks for one pause, and for another one where some is left", () => {
    assert.equal(requests.length, 1);
    requests[0]?.({ timeRemaining: () => 10 - now });
    assert.deepEqual([done, requests.length], [[0, 1, 2, 3], 2]);
    requests[1]?.({ timeRemaining: () => 20 - now });
    assert.deepEqual([done.length, requests.length], [6, 2]);
  });

  it("begins nothing more where little of the pause is left", () => {
    requests[0]?.({ timeRemaining: () => 3 });
    assert.deepEqual(done, [0]);
  });

  it("takes a whole stretch where no pause came in time", () => {
    requests[0]?.({ timeRemaining: () => 0, didTimeout: true });
    assert.deepEqual(done, [0, 1, 2, 3]);
  });

  it("does nothing while it is held, and asks for a pause once it is released", () => {
    queue.hold(true);
    requests[0]?.({ timeRemaining: () => 10 });
    queue.add(() => done.push(6));
    assert.deepEqual([done, requests.length], [[], 1]);
    queue.hold(false);
    queue.hold(false);
    assert.equal(requests.length, 2);
    requests[1]?.({ timeRemaining: () => 10 });
    assert.deepEqual(done, [0, 1, 2, 3]);
  });

  it("does all at once on demand, even while it is held", () => {
    queue.hold(true);
    queue.flush();
    assert.equal(done.length, 6);
  });

  it("does all at once on demand", () => {
    queue.flush();
    assert.deepEqual(done, [0, 1, 2, 3, 4, 5]);
    requests[0]?.({ timeRemaining: () => 10 });
    assert.equal(done.length, 6);
  });
});
