import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { FrameBatcher } from "../../../frontend/ui/frame-batcher.js";

describe("FrameBatcher", () => {
  /** @type {Map<number, () => void>} */
  let frames;
  /** @type {string[]} */
  let painted;
  /** @type {FrameBatcher} */
  let batcher;
  let frameCount = 0;
  let time = 0;

  beforeEach(() => {
    frames = new Map();
    painted = [];
    frameCount = 0;
    time = 0;
    batcher = new FrameBatcher(requestFrame, (frame) => frames.delete(frame), () => time);
  });

  /** @param {() => void} paint */
  function requestFrame(paint) {
    frameCount += 1;
    frames.set(frameCount, paint);
    return frameCount;
  }

  function showFrame() {
    const waiting = [...frames.values()];
    frames.clear();
    for (const paint of waiting) paint();
  }

  /** @param {string} name */
  function painter(name) {
    return { paint: () => painted.push(name) };
  }

  it("paints nothing before the frame", () => {
    batcher.schedule(painter("a"));
    assert.deepEqual(painted, []);
  });

  it("paints each painter once per frame, in the order of the first request", () => {
    const a = painter("a");
    const b = painter("b");
    for (const each of [a, b, a, a, b]) batcher.schedule(each);
    assert.equal(frameCount, 1);
    showFrame();
    assert.deepEqual(painted, ["a", "b"]);
  });

  it("paints in the frame after the next one on request, also without other painters", () => {
    const b = { paint: () => (painted.push("b"), batcher.scheduleLater(painter("c"))) };
    batcher.scheduleLater(b);
    batcher.schedule(painter("a"));
    for (const expected of [["a"], ["a", "b"], ["a", "b"], ["a", "b", "c"]]) {
      showFrame();
      assert.deepEqual(painted, expected);
    }
    assert.equal(frames.size, 0);
  });

  it("paints again in the next frame", () => {
    const a = painter("a");
    batcher.schedule(a);
    showFrame();
    batcher.schedule(a);
    showFrame();
    assert.deepEqual(painted, ["a", "a"]);
  });

  it("lets a painter that has more go on while the frame has time, then asks for a further frame", () => {
    let left = 5;
    const long = {
      paint: () => {
        painted.push("piece");
        time += 4;
        if ((left -= 1) > 0) batcher.schedule(long);
      },
    };
    batcher.schedule(long);
    showFrame();
    assert.deepEqual(painted, ["piece", "piece"]);
    assert.equal(frameCount, 2);
    showFrame();
    showFrame();
    assert.deepEqual(painted, ["piece", "piece", "piece", "piece", "piece"]);
    assert.equal(frames.size, 0);
  });

  it("asks for one frame while the page is hidden and catches up in it", () => {
    const a = painter("a");
    for (let count = 0; count < 1000; count += 1) batcher.schedule(a);
    assert.equal(frameCount, 1);
    showFrame();
    assert.deepEqual(painted, ["a"]);
  });

  it("paints nothing after it was stopped", () => {
    batcher.schedule(painter("a"));
    batcher.stop();
    showFrame();
    assert.deepEqual(painted, []);
  });
});
