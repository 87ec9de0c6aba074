import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isComposing, isSendKey, isSubmitEnter } from "../../../frontend/ui/submit-key.js";

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

describe("isSendKey", () => {
  const enter = { ...ENTER, ctrlKey: false, metaKey: false, altKey: false };

  for (const [name, fields, onKeyboard, onTouch] of /** @type {const} */ ([
    ["Enter", {}, true, false],
    ["Ctrl+Enter", { ctrlKey: true }, true, true],
    ["Cmd+Enter", { metaKey: true }, true, true],
    ["Shift+Enter", { shiftKey: true }, false, false],
    ["Alt+Enter", { altKey: true }, false, false],
    ["the Enter that ends a composition", { isComposing: true, keyCode: 229 }, false, false],
    ["the same Enter in Safari, after the composition", { keyCode: 229 }, false, false],
    ["Ctrl+Enter in a composition", { ctrlKey: true, isComposing: true }, false, false],
    ["another key with Ctrl", { key: "a", ctrlKey: true }, false, false],
  ])) {
    it(`is ${onKeyboard} of ${name} at a keyboard, ${onTouch} on a touch device`, () => {
      assert.equal(isSendKey({ ...enter, ...fields }, false), onKeyboard);
      assert.equal(isSendKey({ ...enter, ...fields }, true), onTouch);
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
