import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { withoutCalls } from "../../../frontend/conversations/call-text.js";

const HERMES = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>';
const OBJECT = '{"name": "add", "arguments": {"text": "a } \\" {"}}';
const HEADED =
  '<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a":1}<|call|>';
const CALLS = [
  ["Hermes", `I add.\n${HERMES}`, "I add."],
  ["two of Hermes, and text", `I add.\n${HERMES}\n${HERMES}\nDone.`, "I add.\nDone."],
  ["Hermes without an end", 'I add.\n<tool_call>\n{"name": "add"', "I add."],
  ["a Mistral list", '[TOOL_CALLS][{"name": "add", "arguments": {}}]', ""],
  ["Llama", '<|python_tag|>{"name": "add", "parameters": {}}', ""],
  ["an object", OBJECT, ""],
  ["objects, and text", `${OBJECT}; ${OBJECT}\nDone.`, "Done."],
  ["an object after a thought", `<think>{"name": "x"}</think>\n\n${OBJECT}`, '<think>{"name": "x"}</think>'],
  ["a headed part", HEADED, "<|channel|>analysis<|message|>Hm<|end|>"],
];

describe("Text without calls", () => {
  for (const [name = "", text = "", shown] of CALLS) {
    it(`leaves out ${name}`, () => assert.equal(withoutCalls(text, { hasCalls: true, isGrowing: false }), shown));

    it(`shows none of ${name} while it grows`, () => {
      let before = "";
      for (let length = 1; length <= text.length; length += 1) {
        const part = text.slice(0, length);
        const now = withoutCalls(part, { hasCalls: part.includes('"add"') || part.includes("functions.add"), isGrowing: true });
        assert.doesNotMatch(now.replace(/<think>.*/s, ""), /tool_call|TOOL|python_tag|"name"/);
        if (!text.startsWith("<|channel|>") && !text.endsWith("Done.")) assert.ok(now.startsWith(before), `${before} → ${now}`);
        before = now;
      }
    });
  }

  it("shows everything of an answer without calls", () => {
    for (const [, text = ""] of CALLS) assert.equal(withoutCalls(text, { hasCalls: false, isGrowing: false }), text);
  });

  it("holds back what may begin a call", () => {
    assert.equal(withoutCalls("One\n\n", { hasCalls: false, isGrowing: true }), "One");
    assert.equal(withoutCalls("One <", { hasCalls: false, isGrowing: true }), "One");
    assert.equal(withoutCalls("One < two", { hasCalls: false, isGrowing: true }), "One < two");
  });
});
