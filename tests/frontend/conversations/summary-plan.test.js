import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { nextPart, planSummary, summaryRequest } from "../../../frontend/conversations/summary-plan.js";

/** @typedef {import("../../../frontend/conversations/api.js").Message} Message */

/**
 * A branch that begins with a question.
 * @param {string[]} texts
 * @returns {Message[]}
 */
function branch(...texts) {
  return texts.map((content, index) => ({
    id: `m${index}`,
    parent: index === 0 ? null : `m${index - 1}`,
    role: index % 2 === 0 ? "user" : "assistant",
    content,
    created_at: 0,
    state: "done",
    generation: null,
  }));
}

/** @param {number} context */
const count = (context) => ({ tokens: context, context, room: (context * 3) / 4 });
/** @param {Message[]} path @param {number} [context] */
const upto = (path, context = 400) => planSummary(path, count(context))?.upto;

describe("planSummary", () => {
  it("leaves the newest turns as they are, as many as a quarter of the context holds", () => {
    const long = "x".repeat(140);
    assert.equal(upto(branch(long, long, long, long, long, long)), "m3");
    assert.equal(upto(branch(long, long, long, long, "x", "y", "x", "y")), "m1");
  });

  it("summarizes everything where the last turn alone is too long", () => {
    assert.equal(upto(branch("Tell me a story", "x".repeat(5000))), "m1");
    assert.equal(upto(branch("One", "Two", "Three", "x".repeat(5000))), "m3");
  });

  it("keeps calls together with their results", () => {
    const call = { id: "call_1", function: { name: "add", arguments: "{}" } };
    const path = branch("One", "First", "Two", "x".repeat(5000), "x".repeat(5000), "x".repeat(5000));
    Object.assign(path[3] ?? {}, { tool_calls: [call] });
    Object.assign(path[4] ?? {}, { role: "tool", tool_call_id: "call_1" });
    assert.equal(upto(path), "m5");
    assert.equal(upto(path.slice(0, 5)), "m2");
    assert.deepEqual(planSummary(path, count(400))?.said.map(({ role }) => role), ["user", "assistant", "user", "assistant", "user", "assistant"]);
  });

  it("never summarizes a question without an answer", () => {
    assert.equal(upto(branch("One", "x".repeat(5000), "y".repeat(5000))), "m1");
    assert.equal(upto(branch("y".repeat(5000))), undefined);
  });

  it("begins with the summary that there is", () => {
    const path = branch("One", "First", "x".repeat(5000), "Second", "Three", "Third");
    const [, answer] = path;
    assert.ok(answer);
    answer.summary = "Before.";
    const plan = planSummary(path, count(400));
    assert.deepEqual([plan?.before, plan?.upto, plan?.said.length], ["Before.", "m3", 2]);
  });

  it("has nothing to do where all is summarized, or nothing was said", () => {
    const path = branch("One", "x".repeat(5000));
    const [, answer] = path;
    assert.ok(answer);
    answer.summary = "All.";
    assert.equal(upto(path), undefined);
    assert.equal(upto([]), undefined);
    assert.equal(upto(branch(" ", " ")), undefined);
  });

  it("asks for a summary that leaves room", () => {
    const lengths = [64, 256, 2048, 8192, 131_072].map((context) => planSummary(branch("a", "x".repeat(1e6)), count(context))?.maxTokens);
    assert.deepEqual(lengths, [32, 32, 256, 512, 512]);
  });
});

describe("nextPart", () => {
  const said = [
    { role: /** @type {const} */ ("user"), content: "abc" },
    { role: /** @type {const} */ ("assistant"), content: "defg" },
  ];

  it("takes whole messages as long as they fit", () => {
    assert.deepEqual(nextPart(said, 10), { part: said, rest: [] });
    assert.deepEqual(nextPart(said, 5), { part: [said[0]], rest: [said[1]] });
  });

  it("splits a message that is too long, but no character", () => {
    assert.deepEqual(nextPart(said, 2), { part: [{ role: "user", content: "ab" }], rest: [{ role: "user", content: "c" }, said[1]] });
    const { part, rest } = nextPart([{ role: "user", content: "a😀b" }], 2);
    assert.deepEqual([part[0]?.content, rest[0]?.content], ["a", "😀b"]);
  });

  it("gives everything in the end, whatever the length", () => {
    for (const length of [1, 2, 3, 7]) {
      let rest = [{ role: /** @type {const} */ ("user"), content: "😀 some words 😀😀" }];
      let text = "";
      for (let steps = 0; rest.length > 0 && steps < 100; steps += 1) {
        const next = nextPart(rest, length);
        text += next.part.map(({ content }) => content).join("");
        rest = /** @type {typeof rest} */ (next.rest);
      }
      assert.equal(text, "😀 some words 😀😀");
    }
  });
});

describe("summaryRequest", () => {
  it("has the summary so far, the messages, and a question at the end", () => {
    const messages = summaryRequest([{ role: "system", content: "Be brief." }, { role: "assistant", content: "Hi" }], "They met.", 100);
    assert.deepEqual(messages.map(({ role }) => role), ["system", "user", "assistant", "user"]);
    assert.match(messages[0]?.content ?? "", /They met\.$/);
    assert.match(messages.at(-1)?.content ?? "", /at most 60 words/);
  });
});
