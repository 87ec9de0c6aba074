import assert from "node:assert/strict";
import { describe as suite, it } from "node:test";

import { describe, present } from "../../../frontend/chat/presenting.js";
import { LiveAnswer } from "../../../frontend/conversations/live-answer.js";

/** @typedef {import("../../../frontend/conversations/api.js").Message} Message */

/** @param {Partial<Message>} fields @returns {Message} */
function answer(fields) {
  return { id: "a", parent: "q", role: "assistant", content: "", created_at: 0, state: "done", generation: "a", ...fields };
}

/** @param {Message} message @param {LiveAnswer} [live] */
function line(message, live) {
  return describe(/** @type {any} */ ({ live: () => live }), message, { isConnected: true })?.text;
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

suite("The model of an answer", () => {
  const written = answer({ reason: "stop", model: "qwen-3-4b" });
  /** @param {boolean} namesModels */
  const lineWith = (namesModels) => describe(/** @type {any} */ ({ live: () => undefined }), written, { isConnected: true, namesModels })?.text;

  it("is named where the server has several", () => {
    assert.equal(lineWith(true), "Done · Qwen 3 4B");
    assert.equal(lineWith(false), "Done");
  });
});

suite("The line of an answer of which earlier messages were left out", () => {
  it("says so while it is written", () => {
    const live = new LiveAnswer(false);
    live.receive({ type: "accepted", id: "a", epoch: "e", position: 0, dropped: 12 });
    assert.equal(line(answer({ state: "writing" }), live), "Queued, next in line · 12 earlier messages left out");
  });

  it("says so once the model is loaded, and when it is done", () => {
    const live = new LiveAnswer(false);
    live.receive({ type: "accepted", id: "a", epoch: "e", position: 0 });
    live.receive({ type: "status", id: "a", state: "prefill", dropped: 12 });
    live.receive({ type: "status", id: "a", state: "decode" });
    assert.equal(live.dropped, 12);
    const late = new LiveAnswer(false);
    late.receive({ type: "done", id: "a", seq: 1, reason: "stop", dropped: 3 });
    assert.equal(late.dropped, 3);
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

suite("A question with files", () => {
  it("is shown as its words and its files, wherever it comes from", () => {
    const content = 'Why?\n\n```py file="one.py"\nprint(1)\n```';
    const question = answer({ id: "q", parent: null, role: "user", content });
    const conversation = { writing: [], path: [question], tree: { siblings: () => [question], find: () => question, pathTo: () => [question] }, textOf: () => content, leaf: "q" };
    const request = { type: "generate", id: "n", conversation: "c", parent: "q", content, message_id: "m" };
    const note = { request, create: null, at: 0, failure: { code: "overloaded", message: "" }, above: ["q"] };
    const shown = present(/** @type {any} */ (conversation), /** @type {any} */ ([note]), /** @type {any} */ ({ isConnected: true }));
    const questions = shown.filter(({ role }) => role === "user");
    assert.equal(questions.length, 2);
    for (const { text, files } of questions) assert.deepEqual({ text, files }, { text: "Why?", files: [{ name: "one.py", text: "print(1)\n" }] });
  });

  it("can be copied where it is files alone", () => {
    const content = '```py file="one.py"\nprint(1)\n```';
    const question = answer({ id: "q", parent: null, role: "user", content });
    const conversation = { writing: [], path: [question], tree: { siblings: () => [question] }, textOf: () => content, leaf: "q" };
    const [shown] = present(/** @type {any} */ (conversation), [], /** @type {any} */ ({ isConnected: true }));
    assert.ok(shown?.actions.includes("copy"));
  });
});

suite("An answer that shows the form of files", () => {
  it("is left as it is", () => {
    const content = '```py file="one.py"\nprint(1)\n```';
    const message = answer({ content });
    const conversation = { writing: [], path: [message], tree: { siblings: () => [message] }, textOf: () => content, live: () => undefined };
    const [shown] = present(/** @type {any} */ (conversation), [], /** @type {any} */ ({ isConnected: true }));
    assert.equal(shown?.text, content);
  });
});

suite("An answer with calls", () => {
  const call = { id: "call_1", function: { name: "add", arguments: "{}" } };
  const called = answer({ content: '<tool_call>{"name": "add"}</tool_call>', tool_calls: [call] });
  const result = answer({ id: "r", parent: "a", role: "tool", content: "2", tool_call_id: "call_1" });

  /** @param {Message[]} path @param {any[]} [parcels] */
  const shown = (path, parcels = []) => {
    const textOf = (/** @type {Message} */ { content }) => content;
    const tree = { siblings: (/** @type {Message} */ message) => [message], find: () => undefined };
    const writing = path.flatMap(({ state, id }) => (state === "writing" ? [id] : []));
    const conversation = { writing, path, tree, textOf, live: () => undefined, settings: {} };
    return present(/** @type {any} */ (conversation), parcels, /** @type {any} */ ({ isConnected: true })).at(-1);
  };

  it("asks for results at the end of the branch, and can't be edited or continued", () => {
    const last = shown([called]);
    assert.deepEqual([last?.text, last?.calls, last?.wanted], ["", [call], { calls: [call], given: [] }]);
    assert.deepEqual(last?.actions, ["copy", "copy-text", "regenerate", "branch", "delete"]);
    assert.deepEqual(shown([answer({ ...called, state: "stopped" })])?.offers, []);
    assert.equal(shown([answer({ ...called, state: "writing" })])?.wanted, undefined);
  });

  it("gives back results that could not be sent", () => {
    const results = [{ tool_call_id: "call_1", content: "2" }];
    const request = { type: "generate", id: "g2", conversation: "c", parent: "a", results };
    const last = shown([called], [{ request, failure: { code: "busy", message: "" } }]);
    assert.deepEqual(last?.wanted?.given, results);
    assert.ok(last?.offers.includes("dismiss"));
  });

  it("has results below it, with the function's name", () => {
    const last = shown([called, result]);
    assert.deepEqual([last?.role, last?.name, last?.text, last?.wanted], ["tool", "add", "2", undefined]);
    assert.deepEqual([last?.actions, last?.offers], [["copy", "delete"], ["retry"]]);
  });
});

suite("A long conversation", () => {
  it("is presented without going through all messages for each of them", () => {
    const count = 500;
    let reads = 0;
    const path = Array.from({ length: count }, (_, index) => {
      const message = answer({ id: String(index), parent: String(index - 1) });
      return /** @type {Message} */ (Object.defineProperty(message, "state", { get: () => ((reads += 1), "done") }));
    });
    const tree = { siblings: (/** @type {Message} */ message) => [message] };
    const conversation = { writing: [], path, tree, textOf: () => "Yes.", live: () => undefined };
    assert.equal(present(/** @type {any} */ (conversation), [], /** @type {any} */ ({ isConnected: true })).length, count);
    assert.ok(reads < 20 * count, `${reads} reads of a message's state`);
  });
});
