import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Session } from "../../../frontend/protocol/session.js";

/** @typedef {import("../../../frontend/protocol/messages.js").ServerMessage} ServerMessage */

const ACCEPTED = /** @type {const} */ ({ type: "accepted", id: "a", epoch: "e1" });
const NONE = { send: [], deliver: [] };

/** @param {number} seq */
function token(seq) {
  return /** @type {const} */ ({ type: "token", id: "a", seq, n: 1, text: "x" });
}

/**
 * @param {number} seq
 * @param {Record<string, unknown>} params
 */
function tuned(seq, params) {
  return /** @type {const} */ ({ type: "tuned", id: "a", seq, params });
}

/**
 * @param {string} code
 * @param {string} [re]
 */
function refusal(code, re = "tune") {
  return /** @type {const} */ ({ type: "error", re, id: "a", code, message: code, retryable: false });
}

/** @param {number} seq */
function done(seq) {
  return /** @type {import("../../../frontend/protocol/messages.js").Done} */ ({
    type: "done",
    id: "a",
    seq,
    reason: "stop",
    phase: "decode",
    usage: {},
    timings: {},
    chars: 1,
  });
}

describe("tuning", () => {
  /** @type {Session} */
  let session;

  beforeEach(() => {
    session = new Session();
    session.opened();
    session.begin({ type: "generate", id: "a", messages: [{ role: "user", content: "Hi" }], params: {} });
    session.receive(ACCEPTED);
    session.receive(token(1));
  });

  it("sends a change, and delivers its event but not the snapshot that repeats the text", () => {
    const params = { temperature: 0.2, stop: ["a", "b"], logit_bias: { 7: 1 } };
    assert.deepEqual(session.tune("a", params), { send: [{ type: "tune", id: "a", params }], deliver: [] });
    const event = tuned(2, { stop: ["a", "b"], logit_bias: { 7: 1 }, temperature: 0.2 });
    assert.deepEqual(session.receive(event).deliver, [event]);
    assert.deepEqual(session.receive({ type: "snapshot", id: "a", epoch: "e1", seq: 2, text: "x" }), NONE);
    assert.deepEqual(session.receive(token(3)).deliver, [token(3)]);
    assert.deepEqual(session.receive(done(4)).deliver, [done(4)]);
  });

  it("reports the oldest change when one is refused, and leaves instructions alone", () => {
    session.steer("a", "shorter", "k1");
    session.tune("a", { top_k: 1 });
    session.tune("a", { top_k: 2 });
    const error = refusal("unsupported");
    assert.deepEqual(session.receive(error).deliver, [{ type: "untuned", id: "a", params: { top_k: 1 }, error }]);
    session.receive(tuned(2, { top_k: 2 }));
    assert.deepEqual(session.receive(error), NONE);
    const unsteered = refusal("unsupported", "steer");
    assert.deepEqual(session.receive(unsteered).deliver, [
      { type: "unsteered", id: "a", content: "shorter", key: "k1", error: unsteered },
    ]);
  });

  it("reports a change that the end overtakes, and one after the end", () => {
    session.tune("a", { top_k: 1 });
    const [late, end] = session.receive(done(2)).deliver;
    assert.deepEqual([late?.type, end?.type], ["untuned", "done"]);
    const [after] = session.tune("a", { top_k: 2 }).deliver;
    assert.ok(after?.type === "untuned");
    assert.deepEqual([after.params, after.error.code, after.error.re], [{ top_k: 2 }, "already_done", "tune"]);
  });

  it("sends changes again in their order after a lost connection if the log lacks them", () => {
    session.tune("a", { top_k: 1 });
    session.steer("a", "shorter", "k1");
    session.closed();
    session.tune("a", { top_k: 2 });
    session.opened();
    const attached = /** @type {const} */ ({ type: "attached", id: "a", epoch: "e1", recovered: true, to: 3 });
    assert.deepEqual(session.receive(attached).send, []);
    assert.deepEqual(session.receive(token(2)).send, []);
    assert.deepEqual(session.receive(tuned(3, { top_k: 1 })).send, [
      { type: "steer", id: "a", content: "shorter", key: "k1" },
      { type: "tune", id: "a", params: { top_k: 2 } },
    ]);
  });

  it("doesn't take the event of another client for its own", () => {
    session.tune("a", { top_k: 1 });
    session.receive(tuned(2, { top_k: 1, top_p: 1 }));
    session.receive(tuned(3, { top_k: 2 }));
    const [late] = session.receive(done(4)).deliver;
    assert.deepEqual([late?.type, late && "params" in late && late.params], ["untuned", { top_k: 1 }]);
  });

  it("attaches again after a gap before a change, and skips one that it has", () => {
    assert.deepEqual(session.receive(tuned(1, {})), NONE);
    assert.deepEqual(session.receive(tuned(3, {})).send, [{ type: "attach", id: "a", epoch: "e1", after: 1 }]);
  });
});
