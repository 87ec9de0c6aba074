import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { splitAnswer } from "../../../../frontend/rendering/markdown/answer-start.js";

const PARTS = "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>";

/** @type {[what: string, thinking: string, answer: string][]} */
const CASES = [
  ["a text without thinking", "", "\n Hello"],
  ["an empty text", "", ""],
  ["a thought and the blank lines after it", "<think>\nHm\n</think>\n\n", "Hello\n"],
  ["a thought that the prompt began", "Hm</think>\n", "Hello"],
  ["only a thought", "<think>Hm</think>\n\n", ""],
  ["a thought without an end", "", "<think>Hm"],
  ["a mark in code", "", "`<think>` begins a thought"],
  ["a second mark, which is text", "<think>Hm</think>", "Hello <think>again</think>"],
  ["parts with headers", PARTS, "Hello"],
  ["a mark after the answer", "", `${PARTS}Hello<|end|>`],
];

describe("The beginning of an answer", () => {
  for (const [what, thinking, answer] of CASES) {
    it(`is found in ${what}`, () => assert.deepEqual(splitAnswer(thinking + answer), { thinking, answer }));
  }
});
