import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { wellFormed } from "../../../frontend/protocol/well-formed.js";
import { textBlocks } from "../../../frontend/rendering/text-viewer.js";

describe("textBlocks", () => {
  for (const [what, text] of /** @type {[string, string][]} */ ([
    ["nothing", ""],
    ["one line", "a"],
    ["many lines", "some words\n".repeat(20_000)],
    ["a megabyte in one line", "🙂".repeat(500_000)],
    ["empty lines", "\n".repeat(100_000)],
    ["long lines among short ones", `a\n${"b".repeat(50_000)}\nc\n`.repeat(3)],
  ])) {
    it(`lose nothing of ${what}, and are never large`, () => {
      const blocks = textBlocks(text);
      assert.equal(blocks.join(""), text);
      assert.ok(blocks.every((block) => block.length <= 16_000 && wellFormed(block) === block));
    });
  }

  it("end at line ends", () => {
    assert.ok(textBlocks("some words\n".repeat(20_000)).every((block) => block.endsWith("\n")));
  });
});
