import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { describeContext, levelOf } from "../../../frontend/composer/context-meter.js";

/** @param {number} tokens @param {number} [dropped] */
const count = (tokens, dropped) => ({ tokens, context: 8192, room: 6144, ...(dropped ? { dropped } : {}) });

describe("levelOf", () => {
  it("warns from 85 percent on, and says when the context is full", () => {
    const levels = [1, 6963, 6964, 8191, 8192, 20_000].map((tokens) => levelOf(count(tokens)));
    assert.deepEqual(levels, ["usual", "usual", "high", "high", "full", "full"]);
  });
});

describe("describeContext", () => {
  it("says how much of the context the chat takes", () => {
    assert.deepEqual(describeContext(count(1204)), {
      short: "1,204 / 8,192",
      spoken: "1,204 of 8,192 tokens",
      tip: "This chat uses 1,204 of the 8,192 tokens that the model can read at once.",
    });
  });

  it("warns in words", () => {
    assert.equal(describeContext(count(7200)).short, "Almost full · 7,200 / 8,192");
    assert.equal(describeContext(count(7200)).spoken, "Almost full: 7,200 of 8,192 tokens");
    assert.equal(describeContext(count(9000)).short, "Context full · 9,000 / 8,192");
    assert.match(describeContext(count(9000)).tip, /Context full\.$/);
  });

  it("says what the model no longer sees", () => {
    assert.match(describeContext(count(5000, 1)).tip, /The model no longer sees the first message\.$/);
    assert.match(describeContext(count(5000, 1200)).tip, /The model no longer sees the first 1,200 messages\.$/);
  });
});
