import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { LONG_LENGTH, LONG_LINES, describeHeld, isLong } from "../../../frontend/composer/held-texts.js";

describe("A long text", () => {
  it("is one of many lines, or of many characters", () => {
    assert.equal(isLong("a\n".repeat(LONG_LINES)), false);
    assert.equal(isLong("a\n".repeat(LONG_LINES + 1)), true);
    assert.equal(isLong("a".repeat(LONG_LENGTH)), false);
    assert.equal(isLong("a".repeat(LONG_LENGTH + 1)), true);
    assert.equal(isLong(""), false);
  });

  it("is described by its lines and bytes", () => {
    assert.equal(describeHeld("é"), "1 line, 2 bytes");
    assert.equal(describeHeld("a\n".repeat(20_000)), "20,000 lines, 39 KiB");
  });
});
