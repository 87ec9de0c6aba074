import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { calledName, callsOf, openCalls, shownText, withParts } from "../../../frontend/conversations/tool-calls.js";

/** @typedef {import("../../../frontend/conversations/api.js").Message} Message */

const CALL = { id: "call_1", function: { name: "add", arguments: '{"a": 1}' } };

/**
 * @param {string} id
 * @param {Message["role"]} role
 * @param {Partial<Message>} [fields]
 * @returns {Message}
 */
function message(id, role, fields = {}) {
  return { id, parent: null, role, content: "", created_at: 0, state: "done", generation: null, ...fields };
}

describe("Calls in answers", () => {
  it("are joined from their parts", () => {
    const begun = withParts([], [{ index: 0, id: "call_1", function: { name: "add" } }, { index: 0, function: { arguments: '{"a"' } }]);
    const whole = withParts(begun, [
      { index: 0, function: { arguments: ": 1}" } },
      { index: 1, id: "call_2", function: { name: "wait", arguments: "" } },
      { index: 2, function: { arguments: "lost" } },
    ]);
    assert.deepEqual(whole, [CALL, { id: "call_2", function: { name: "wait", arguments: "" } }]);
    assert.equal(begun[0]?.function.arguments, '{"a"', "earlier lists don't change");
  });

  it("come from the events while the answer is being written", () => {
    const live = { calls: [CALL] };
    const conversation = /** @type {any} */ ({ live: (/** @type {string} */ id) => (id === "g1" ? live : undefined) });
    assert.deepEqual(callsOf(conversation, message("g1", "assistant", { state: "writing", generation: "g1" })), [CALL]);
    assert.deepEqual(callsOf(conversation, message("g2", "assistant", { tool_calls: [CALL] })), [CALL]);
    assert.deepEqual(callsOf(conversation, message("m1", "user")), []);
  });

  it("are held back in a growing text only if the model may call", () => {
    const conversation = (/** @type {any} */ settings) => /** @type {any} */ ({ live: () => ({ calls: [] }), settings, textOf: () => "One <tool" });
    const growing = message("g1", "assistant", { state: "writing", generation: "g1" });
    assert.equal(shownText(conversation({ tools: [{}] }), growing), "One");
    assert.equal(shownText(conversation({}), growing), "One <tool");
    assert.equal(shownText(conversation({ tools: [{}] }), message("m1", "user")), "One <tool");
  });

  it("wait for results at the end of a branch", () => {
    const answer = message("g1", "assistant", { tool_calls: [CALL] });
    assert.deepEqual(openCalls([message("m1", "user"), answer]), [CALL]);
    assert.deepEqual(openCalls([{ ...answer, state: "writing" }]), []);
    assert.deepEqual(openCalls([answer, message("r1", "tool", { tool_call_id: "call_1" })]), []);
    assert.deepEqual(openCalls([]), []);
  });

  it("name their results", () => {
    const first = message("r1", "tool", { tool_call_id: "call_2" });
    const second = message("r2", "tool", { tool_call_id: "call_1" });
    const path = [message("m1", "user"), message("g1", "assistant", { tool_calls: [CALL] }), first, second];
    assert.equal(calledName(path, second), "add");
    assert.equal(calledName(path, first), "");
    assert.equal(calledName([second], second), "");
  });
});
