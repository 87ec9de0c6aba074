import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { MessageTree } from "../../../frontend/conversations/message-tree.js";
import { isAutomatic, queueState } from "../../../frontend/conversations/queue-rules.js";
import { describeQueue } from "../../../frontend/words/queue-words.js";

/** @typedef {import("../../../frontend/conversations/api.js").Message} Message */

/** @type {Message} */
const QUESTION = { id: "q", parent: null, role: "user", content: "Hi", created_at: 1, state: "done", generation: null };
const CALL = { id: "call_1", function: { name: "add", arguments: "{}" } };
/** @type {Message} */
const ANSWER = { ...QUESTION, id: "a", parent: "q", role: "assistant", content: "", generation: "a", tool_calls: [CALL] };
const QUEUED = { id: "g2", message: "m2", conversation: "c", content: "And then?", after: "a" };

/** @param {Message[]} path */
function stateAfter(...path) {
  return queueState(QUEUED, { tree: new MessageTree(path), path, leaf: path.at(-1)?.id ?? null }, []);
}

describe("A message that is queued during an answer with calls", () => {
  it("waits for the results, then for the answer, and is then sent", () => {
    /** @type {Message} */
    const result = { ...QUESTION, id: "r", parent: "a", role: "tool", content: "2", tool_call_id: "call_1" };
    /** @type {Message} */
    const next = { ...ANSWER, id: "b", parent: "r", generation: "b", tool_calls: undefined };
    assert.equal(stateAfter(QUESTION, { ...ANSWER, state: "writing" }), "answer");
    assert.equal(stateAfter(QUESTION, ANSWER), "calls");
    assert.equal(stateAfter(QUESTION, ANSWER, result, { ...next, state: "writing" }), "answer");
    assert.equal(stateAfter(QUESTION, ANSWER, result, next), "send");
  });

  it("is not sent without the user", () => {
    assert.equal(isAutomatic("calls"), false);
    assert.match(describeQueue("calls", 2), /waits for results/);
  });
});
