import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { describeEnd, describeStatus, duration, withDropped } from "../../../frontend/words/status-line.js";

/** @typedef {import("../../../frontend/protocol/messages.js").Done} Done */
/** @typedef {import("../../../frontend/protocol/messages.js").Status} Status */

/**
 * @param {Partial<Status>} fields
 * @returns {Status}
 */
function status(fields) {
  return { type: "status", id: "a", state: "decode", ...fields };
}

/**
 * @param {Partial<Done>} fields
 * @returns {Done}
 */
function done(fields) {
  return { type: "done", id: "a", seq: 1, reason: "stop", ...fields };
}

describe("withDropped", () => {
  /** @type {import("../../../frontend/words/status-line.js").StatusLine} */
  const line = { tone: "good", text: "Done · 5 tokens" };
  it("tells how many messages the model was not given", () => {
    assert.deepEqual(withDropped(line, 0), line);
    assert.deepEqual(withDropped(line, 1), { tone: "good", text: "Done · 5 tokens · 1 earlier message left out" });
    assert.deepEqual(withDropped(line, 1200), { tone: "good", text: "Done · 5 tokens · 1,200 earlier messages left out" });
    assert.deepEqual(withDropped(null, 2), { tone: "quiet", text: "2 earlier messages left out" });
    assert.equal(withDropped(null, 0), null);
  });
});

describe("describeStatus", () => {
  /** @type {[Partial<Status>, number, string][]} */
  const cases = [
    [{ state: "queued" }, 0, "Queued"],
    [{ state: "queued", position: 0 }, 0, "Queued, next in line"],
    [{ state: "queued", position: 2 }, 0, "Queued, 2 ahead"],
    [{ state: "queued", position: 2, eta_ms: 4200 }, 0, "Queued, 2 ahead · about 4 s"],
    [{ state: "queued", position: 1, eta_ms: 75_000 }, 0, "Queued, 1 ahead · about 1 min 15 s"],
    [{ state: "loading" }, 0, "Loading the model"],
    [{ state: "loading", done: 1, total: 3 }, 0, "Loading the model · 33 %"],
    [{ state: "prefill" }, 0, "Reading the prompt"],
    [{ state: "prefill", done: 0, total: 1500 }, 0, "Reading the prompt 0 / 1,500"],
    [{ state: "decode" }, 0, "Writing"],
    [{ state: "decode" }, 1, "Writing · 1 token"],
    [{ state: "decode", tokens_per_second: 48.4 }, 1200, "Writing · 48 tokens/s · 1,200 tokens"],
    [{ state: "decode", tokens_per_second: 3.25 }, 12, "Writing · 3.3 tokens/s · 12 tokens"],
    [{ state: "queued", position: 0, upstream: "busy" }, 0, "Waiting for the model's server, which is busy"],
    [{ state: "prefill", upstream: "away" }, 0, "Waiting for the model's server, which can't be reached"],
    [{ state: "prefill", upstream: "cut" }, 0, "Lost the connection to the model's server. Asking it again…"],
    [{ state: "decode", upstream: "away" }, 3, "The model's server can't be reached. The answer will continue when it's back."],
    [{ state: "decode", upstream: "busy" }, 3, "The model's server is busy. The answer will continue when it's ready."],
    [{ state: "decode", upstream: "cut" }, 3, "Lost the connection to the model's server. The answer will continue soon."],
    [{ state: "decode", upstream: "reading" }, 3, "The model's server is reading the answer so far"],
    [{ state: "decode", upstream: "later" }, 3, "Waiting for the model's server"],
  ];
  for (const [fields, tokens, text] of cases) {
    it(`says "${text}"`, () => assert.equal(describeStatus(status(fields), tokens).text, text));
  }

  it("has a bar while the prompt is read, never beyond its end", () => {
    const line = describeStatus(status({ state: "prefill", done: 2000, total: 1500 }), 0);
    assert.deepEqual(line.progress, { value: 1500, max: 1500 });
  });

  it("has no bar otherwise", () => {
    assert.equal(describeStatus(status({}), 5).progress, undefined);
  });
});

describe("describeEnd", () => {
  const usage = { completion_tokens: 313 };
  const timings = { decode: 6500, stop: 12 };
  /** @type {[Partial<Done>, string, string][]} */
  const cases = [
    [{ reason: "stop", usage, timings }, "good", "Done · 313 tokens · 48 tokens/s"],
    [{ reason: "stop", usage: {} }, "good", "Done · 0 tokens"],
    [{ reason: "stop" }, "good", "Done"],
    [{ reason: "length", limit: "max_tokens", usage, timings }, "quiet", "Stopped at your 313-token limit · 48 tokens/s"],
    [{ reason: "length", limit: "max_tokens", usage: { completion_tokens: 1 } }, "quiet", "Stopped at your 1-token limit"],
    [{ reason: "length", limit: "max_tokens" }, "quiet", "Stopped at the token limit"],
    [{ reason: "length", usage, timings }, "quiet", "Stopped at the token limit · 313 tokens · 48 tokens/s"],
    [{ reason: "length", limit: "context", usage, timings }, "quiet", "Context full · 313 tokens · 48 tokens/s"],
    [{ reason: "length", limit: "context", usage: { ...usage, prompt_tokens: 7879 }, timings }, "quiet", "Context full (8,192 tokens) · 48 tokens/s"],
    [{ reason: "cancelled", usage, timings }, "quiet", "Stopped · 313 tokens"],
    [{ reason: "cancelled", usage: { completion_tokens: 1 } }, "quiet", "Stopped · 1 token"],
    [{ reason: "cancelled", timings: { stop: 0.4 } }, "quiet", "Stopped"],
    [{ reason: "cancelled" }, "quiet", "Stopped"],
    [{ reason: "interrupted" }, "bad", "Interrupted: the server stopped"],
    [{ reason: "failed", error: { code: "engine_failed", message: "llama_decode returned -3" } }, "bad", "The model failed. Try again, or ask the person who runs this server."],
    [{ reason: "failed", error: { code: "something_new", message: "params.x" } }, "bad", "This answer failed. Try again."],
    [{ reason: "failed" }, "bad", "This answer failed. Try again."],
  ];
  for (const [fields, tone, text] of cases) {
    it(`says "${text}"`, () => assert.deepEqual(describeEnd(done(fields)), { tone, text }));
  }

  describe("of a continued answer counts all of it", () => {
    const earlier = { generations: 2, completion_tokens: 102, decode: 5000 };
    /** @type {[Partial<Done>, string][]} */
    const continued = [
      [{ reason: "stop", usage: { completion_tokens: 51 }, timings: { decode: 2500 } }, "Done · 153 tokens · 20 tokens/s"],
      [{ reason: "stop", usage: { completion_tokens: 0 }, timings: {} }, "Done · 102 tokens · 20 tokens/s"],
      [{ reason: "cancelled", usage: { completion_tokens: 8 } }, "Stopped · 110 tokens"],
      [{ reason: "cancelled" }, "Stopped · 102 tokens"],
      [
        { reason: "length", limit: "max_tokens", usage: { completion_tokens: 51 }, timings: { decode: 2500 } },
        "Stopped at your 51-token limit · 153 tokens · 20 tokens/s",
      ],
    ];
    for (const [fields, text] of continued) it(`says "${text}"`, () => assert.equal(describeEnd(done(fields), earlier).text, text));
  });
});

describe("duration", () => {
  /** @type {[number, string][]} */
  const cases = [[0.2, "less than 1 ms"], [1, "1 ms"], [999, "999 ms"], [1449, "1.4 s"], [12_345, "12 s"], [125_000, "2 min 5 s"]];
  for (const [ms, text] of cases) it(`says "${text}"`, () => assert.equal(duration(ms), text));
});
