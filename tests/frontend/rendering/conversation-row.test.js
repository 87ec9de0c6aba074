import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { ConversationRow } from "../../../frontend/rendering/conversation-row.js";

/** @typedef {import("../../../frontend/conversations/api.js").Found} Found */

/** @type {Found} */
const FOUND = { id: "c", title: "Hedgehogs", created_at: 0, updated_at: 0, pinned: false, version: 1, writing: [] };

describe("A row of the list", () => {
  it("says to a screen reader that an answer is being written, after all that is seen", () => {
    const { document } = parseHTML("<html><body></body></html>");
    Object.assign(globalThis, { document });
    const row = new ConversationRow({ ...FOUND, writing: ["g"] }, "14:05", { rowOpened() {}, rowAsked() {}, rowRenamed() {} });
    const link = /** @type {HTMLElement} */ (row.element.querySelector(".row-link"));
    assert.equal(link.textContent, "Hedgehogs14:05, answering");
    assert.equal(link.getAttribute("aria-label"), null);
    row.show(FOUND, "14:05");
    assert.equal(link.textContent, "Hedgehogs14:05");
    Reflect.deleteProperty(globalThis, "document");
  });
});

describe("A row's title, while it is renamed", () => {
  /** @type {any} */
  let window;
  /** @type {ConversationRow} */
  let row;
  /** @type {(string | null)[]} */
  let renamed;

  beforeEach(() => {
    window = parseHTML("<html><body><ul></ul></body></html>");
    Object.assign(globalThis, { document: window.document });
    window.HTMLInputElement.prototype.select = () => {};
    renamed = [];
    const delegate = { rowOpened: () => {}, rowAsked: () => {}, rowRenamed: (/** @type {string} */ _id, /** @type {string | null} */ title) => renamed.push(title) };
    row = new ConversationRow(FOUND, "14:05", delegate);
    window.document.querySelector("ul").append(row.element);
    // linkedom moves no focus: a link that gets it takes it from the input.
    row.focus = () => input()?.dispatchEvent(new window.Event("blur"));
    row.rename();
    input().value = "はりねずみ";
  });

  afterEach(() => {
    Reflect.deleteProperty(globalThis, "document");
  });

  const input = () => /** @type {any} */ (row.element.querySelector(".row-input"));

  /** @param {Record<string, unknown>} fields */
  function press(fields) {
    const event = new window.Event("keydown", { bubbles: true, cancelable: true });
    const keys = { shiftKey: false, isComposing: false, keyCode: 0, ...fields };
    for (const [name, value] of Object.entries(keys)) Object.defineProperty(event, name, { value });
    input().dispatchEvent(event);
    return event.defaultPrevented;
  }

  it("is kept by Enter", () => {
    assert.equal(press({ key: "Enter", keyCode: 13 }), true);
    assert.deepEqual(renamed, ["はりねずみ"]);
    assert.equal(input(), null);
  });

  it("stays as it was after Escape", () => {
    assert.equal(press({ key: "Escape", keyCode: 27 }), true);
    assert.deepEqual(renamed, [null]);
  });

  for (const key of ["Enter", "Escape"]) {
    it(`is still written after the ${key} that an input method has handled, also in Safari`, () => {
      for (const fields of [{ isComposing: true }, { isComposing: true, keyCode: 229 }, { keyCode: 229 }]) {
        assert.equal(press({ key, ...fields }), false);
      }
      assert.deepEqual(renamed, []);
      assert.equal(input().value, "はりねずみ");
    });
  }
});
