import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { SentenceReader } from "../../../frontend/rendering/sentence-reader.js";

/**
 * @param {string} text
 * @param {number} [size] of the pieces that it arrives in, in UTF-16 units
 */
function sentences(text, size = text.length) {
  const reader = new SentenceReader();
  const read = [];
  for (let start = 0; start < text.length; start += size) read.push(...reader.push(text.slice(start, start + size)));
  return [...read, ...reader.end()];
}

describe("SentenceReader", () => {
  for (const [what, text, expected] of /** @type {const} */ ([
    ["cuts behind marks that a space follows", "It is 3.5 km. Is it? Yes!", ["It is 3.5 km.", "Is it?", "Yes!"]],
    ["keeps what closes a sentence with it", 'He said "go." Then (so it was.) he went.', ['He said "go."', "Then (so it was.)", "he went."]],
    ["takes a line for a sentence", "A title\n\n- one\n- two\n", ["A title", "one", "two"]],
    ["keeps a number with what it counts", "1. First one\n2. Second one", ["1. First one", "2. Second one"]],
    ["knows the marks of Chinese and Japanese", "你好。今天天气很好！是的", ["你好。", "今天天气很好！", "是的"]],
    ["leaves out the marks of Markdown", "## The `end`\n**Bold** and __more__.", ["The end", "Bold and more."]],
    ["reads a table's cells and not its frame", "| a | b |\n|---|:-:|\n| 1 | 2 |\n", ["a b", "1 2"]],
    ["names code and does not read it", "See:\n```py\nprint(1). x\n\n````text\n```\nDone. Really.", ["See:", "Code block.", "Done.", "Really."]],
    ["says nothing of nothing", "\n\n   \n---\n", []],
  ])) {
    it(`${what}, whatever the pieces`, () => {
      for (const size of [1, 2, 7, text.length]) assert.deepEqual(sentences(text, size), expected, `in pieces of ${size}`);
    });
  }

  it("gives a sentence as soon as it is whole", () => {
    const reader = new SentenceReader();
    assert.deepEqual(reader.push("One. Tw"), ["One."]);
    assert.deepEqual(reader.push("o."), []);
    assert.deepEqual(reader.push(" Three"), ["Two."]);
    assert.deepEqual(reader.end(), ["Three"]);
  });

  it("cuts what has no end between two words, in pieces that can be said", () => {
    const text = "word ".repeat(100_000);
    const read = sentences(text);
    assert.equal(read.join(" "), text.trim());
    assert.ok(read.every((sentence) => sentence.length <= 400 && sentence.endsWith("word")));
    assert.equal(sentences("x".repeat(1_000_000)).join("").length, 1_000_000);
  });
});
