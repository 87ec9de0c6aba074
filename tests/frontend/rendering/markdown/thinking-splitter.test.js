import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { ThinkingSplitter } from "../../../../frontend/rendering/markdown/thinking-splitter.js";

/** What a text is made of: thinking, null without any, and the answer. @type {[what: string, text: string, thinking: string | null, answer: string][]} */
const CASES = JSON.parse(readFileSync(new URL("../../../thinking-cases.json", import.meta.url), "utf8"));

/** Bits of which random texts are made. */
const BITS = [
  "<think>", "</think>", "<thi", "nk>", "</", "think>", "[THINK]", "[/THINK]", "<|channel|>", "analysis", "final", "<|message|>", "<|end|>",
  "<|start|>assistant", "<|start|>", "<|think|>", "<|content|>", "<|begin|>assistant", "<", "[", "`", "``", "```", "```js", "~~~", "\n", "\n",
  "\n\n", " ", "> ", "- ", "word", "a b", "\r\n", "\"", "<|channel>thought", "<channel|>",
];

/**
 * @param {string} text
 * @param {number[]} sizes of the pieces that it comes in, again and again
 */
function split(text, sizes) {
  /** @type {{isThinking: boolean, text: string}[]} */
  let parts = [{ isThinking: false, text: "" }];
  const open = (/** @type {boolean} */ isThinking) => parts.push({ isThinking, text: "" });
  const splitter = new ThinkingSplitter({
    text: (piece) => void (/** @type {{text: string}} */ (parts.at(-1)).text += piece),
    thinkingBegan: () => open(true),
    thinkingEnded: () => open(false),
    thinkingWasBefore: () => {
      parts = [{ isThinking: true, text: parts.map((part) => part.text).join("") }];
      open(false);
    },
  });
  for (let at = 0, count = 0; at < text.length; count += 1) {
    const end = at + (sizes[count % sizes.length] ?? 1);
    splitter.append(text.slice(at, end));
    at = end;
  }
  splitter.finish();
  const said = (/** @type {boolean} */ isThinking) => parts.filter((part) => part.isThinking === isThinking && part.text !== "");
  const answer = said(false).map((part) => part.text).join("");
  const thoughts = said(true).map((part) => part.text.trim()).filter((thought) => thought !== "").join("\n\n");
  const isPlain = !parts.some((part) => part.isThinking) && answer === text;
  return isPlain ? [null, text] : [thoughts, answer.trimStart()];
}

/** Random whole numbers that are the same at each run (mulberry32). @param {number} seed */
function generator(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

describe("Thinking", () => {
  for (const [what, text, thinking, answer] of CASES) {
    it(`is parted from the answer, however the text is cut: ${what}`, () => {
      for (const size of [Infinity, 1, 2, 3, 5]) assert.deepEqual(split(text, [size]), [thinking, answer], `in pieces of ${size}`);
    });
  }

  it("is the same in any text that comes in pieces as in one that comes at once", () => {
    const random = generator(14);
    for (let count = 0; count < 3000; count += 1) {
      const text = Array.from({ length: 1 + random(14) }, () => BITS[random(BITS.length)]).join("");
      const sizes = Array.from({ length: 5 }, () => 1 + random(7));
      assert.deepEqual(split(text, sizes), split(text, [Infinity]), JSON.stringify([text, sizes]));
    }
  });
});
