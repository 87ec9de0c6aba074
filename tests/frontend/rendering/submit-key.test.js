import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isComposing, isSubmitEnter } from "../../../frontend/rendering/submit-key.js";

const ENTER = { key: "Enter", shiftKey: false, isComposing: false, keyCode: 13 };

describe("isSubmitEnter", () => {
  it("is true of Enter alone", () => {
    assert.equal(isSubmitEnter(ENTER), true);
  });

  for (const [name, fields] of /** @type {const} */ ([
    ["Shift+Enter", { shiftKey: true }],
    ["another key", { key: "a", keyCode: 65 }],
    ["the Enter that ends a composition", { isComposing: true, keyCode: 229 }],
    ["the same Enter in Safari, after the composition", { keyCode: 229 }],
    ["the same Enter where the key code is that of Enter", { isComposing: true }],
  ])) {
    it(`is false of ${name}`, () => {
      assert.equal(isSubmitEnter({ ...ENTER, ...fields }), false);
    });
  }
});

describe("isComposing", () => {
  it("is true of every key that an input method has handled", () => {
    assert.equal(isComposing({ isComposing: false, keyCode: 229 }), true);
    assert.equal(isComposing({ isComposing: true, keyCode: 27 }), true);
    assert.equal(isComposing({ isComposing: false, keyCode: 27 }), false);
  });
});
