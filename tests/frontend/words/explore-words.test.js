import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { probability, spokenAlternative, tokenName, unknownWords, visibleAlternative } from "../../../frontend/words/explore-words.js";

describe("The words for tokens", () => {
  it("name them for a screen reader", () => {
    assert.equal(tokenName(11, " cat", { count: 40 }), "Token 12: cat");
    assert.equal(tokenName(0, "\n", { count: 40, logprob: Math.log(0.5) }), "Token 1: line break, 50 %");
    assert.equal(tokenName(2, "   ", { count: 40 }), "Token 3: white space");
    assert.equal(tokenName(40, "", { count: 40 }), "End of the answer");
  });

  it("show spaces and line ends in a list", () => {
    assert.equal(visibleAlternative({ token: " a\n\tb", logprob: 0 }), "␣a↵⇥b");
    assert.equal(spokenAlternative({ token: " a", logprob: 0 }), "a");
  });

  it("say what is no text", () => {
    assert.equal(visibleAlternative({ token: "<|im_end|>", logprob: 0, end: true }), "End of the answer");
    assert.equal(spokenAlternative({ token: "\ufffd", logprob: 0, bytes: [240] }), "Part of a character");
  });

  it("round probabilities to two figures", () => {
    assert.deepEqual([0, -0.9, -4, -20].map(probability), ["100 %", "41 %", "1.8 %", "< 0.1 %"]);
  });

  it("say why there are no alternatives", () => {
    const codes = ["unknown_id", "unsupported", "busy", "rate_limited", "internal"];
    assert.equal(new Set(codes.map(unknownWords)).size, 4);
    for (const code of codes) assert.match(unknownWords(code), /^[A-Z].*\.$/);
  });
});
