import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { MessageTree } from "../../../frontend/conversations/message-tree.js";
import { message } from "../fake-conversations.js";

/** A question with two answers, the first of which was followed by two versions of another question. */
const TREE = new MessageTree([
  message("q", null, "", true),
  message("a1", "q", "", false),
  message("r1", "a1", "", true),
  message("a2", "q", "", false),
  message("r2", "a1", "", true),
  message("end", "r2", "", false),
]);

/** @param {import("../../../frontend/conversations/api.js").Message[]} messages */
function ids(messages) {
  return messages.map(({ id }) => id);
}

describe("MessageTree", () => {
  it("knows the way from the first message to any other", () => {
    assert.deepEqual(ids(TREE.pathTo("end")), ["q", "a1", "r2", "end"]);
    assert.deepEqual(ids(TREE.pathTo("a2")), ["q", "a2"]);
    assert.deepEqual(TREE.pathTo(null), []);
    assert.deepEqual(TREE.pathTo("nowhere"), []);
  });

  it("knows the versions of a message, oldest first", () => {
    const [q, a1, r1] = TREE.all;
    assert.ok(q && a1 && r1);
    assert.deepEqual([ids(TREE.siblings(q)), ids(TREE.siblings(a1)), ids(TREE.siblings(r1))], [["q"], ["a1", "a2"], ["r1", "r2"]]);
  });

  it("goes on with the newest version each time", () => {
    assert.equal(TREE.tipOf("a1"), "end");
    assert.equal(TREE.tipOf(null), "a2");
    assert.equal(TREE.tipOf("end"), "end");
    assert.equal(new MessageTree([]).tipOf(null), null);
  });

  it("takes what hangs on nothing for a first message", () => {
    const orphan = new MessageTree([message("x", "gone", "", true)]);
    assert.deepEqual([ids(orphan.pathTo("x")), orphan.tipOf(null)], [["x"], "x"]);
  });

  it("ends where messages run in a circle", () => {
    const circle = new MessageTree([message("x", "y", "", true), message("y", "x", "", false)]);
    assert.ok(circle.pathTo("x").length <= 3);
  });

  it("holds a branch of ten thousand messages", () => {
    const long = new MessageTree(Array.from({ length: 10_000 }, (_, at) => message(`m${at}`, at === 0 ? null : `m${at - 1}`, "", true)));
    assert.equal(long.tipOf(null), "m9999");
    assert.equal(long.pathTo("m9999").length, 10_000);
  });
});
