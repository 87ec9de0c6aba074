import assert from "node:assert/strict";
import { describe as suite, it } from "node:test";

import { LiveAnswer } from "../../../frontend/conversations/live-answer.js";
import { describe } from "../../../frontend/conversations/presenting.js";

/** @typedef {import("../../../frontend/conversations/api.js").Message} Message */

/** @param {Partial<Message>} fields @returns {Message} */
function answer(fields) {
  return { id: "a", parent: "q", role: "assistant", content: "", created_at: 0, state: "done", generation: "a", ...fields };
}

/** @param {Message} message @param {LiveAnswer} [live] */
function line(message, live) {
  return describe(/** @type {any} */ ({ live: () => live }), message, true)?.text;
}

suite("The line of a continued answer", () => {
  const earlier = { generations: 1, completion_tokens: 40, decode: 2000 };

  it("counts all of its tokens while it is written", () => {
    const live = new LiveAnswer(false);
    live.receive({ type: "token", id: "a", seq: 2, n: 2, text: " and more" });
    assert.equal(line(answer({ state: "writing", earlier }), live), "Writing · 42 tokens");
  });

  it("counts all of its tokens, and the speed of all, when it is done", () => {
    const end = { reason: "stop", usage: { completion_tokens: 11 }, timings: { decode: 450 } };
    assert.equal(line(answer({ ...end, earlier })), "Done · 51 tokens · 20 tokens/s");
    assert.equal(line(answer({ ...end, earlier: { ...earlier, decode: undefined } })), "Done · 51 tokens");
  });
});

suite("A limit that an answer reached", () => {
  it("is named after a reload", () => {
    assert.equal(line(answer({ reason: "length", limit: "max_tokens", usage: { completion_tokens: 200 } })), "Stopped at your 200-token limit");
  });
});

suite("The line of an answer of which earlier messages were left out", () => {
  it("says so while it is written", () => {
    const live = new LiveAnswer(false);
    live.receive({ type: "accepted", id: "a", epoch: "e", position: 0, dropped: 12 });
    assert.equal(line(answer({ state: "writing" }), live), "Queued, next in line · 12 earlier messages left out");
  });

  it("says so after a reload, while it is written and when it is done", () => {
    assert.equal(line(answer({ state: "writing", dropped: 3 })), "Catching up… · 3 earlier messages left out");
    assert.equal(line(answer({ reason: "stop", dropped: 3 })), "Done · 3 earlier messages left out");
  });

  it("says nothing where all were given", () => {
    assert.equal(line(answer({ reason: "stop" })), "Done");
    assert.equal(line(answer({ reason: "stop" }), new LiveAnswer(true)), "Done");
  });
});
