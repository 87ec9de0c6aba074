import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { GrowingText } from "../../../frontend/rendering/growing-text.js";

/** As much of an element as growing text needs. */
class FakeElement {
  /** @type {(FakeElement | string)[]} */
  children = [];

  /** @param {FakeElement | string} child */
  append(child) {
    this.children.push(child);
  }

  replaceChildren() {
    this.children = [];
  }

  /** @returns {string} */
  get textContent() {
    return this.children.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }
}

describe("GrowingText", () => {
  const original = globalThis.document;
  /** @type {FakeElement} */
  let element;
  /** @type {GrowingText} */
  let text;

  before(() => Object.assign(globalThis, { document: { createElement: () => new FakeElement() } }));
  after(() => Object.assign(globalThis, { document: original }));

  beforeEach(() => {
    element = new FakeElement();
    text = new GrowingText(/** @type {any} */ (element));
  });

  function blocks() {
    return element.children.map((block) => /** @type {FakeElement} */ (block).textContent);
  }

  it("keeps every character, whatever the pieces", () => {
    const whole = Array.from({ length: 400 }, (_, line) => `${"word ".repeat(line % 40)}\n`).join("");
    for (const size of [1, 7, 999, 1000, 1001, whole.length]) {
      text.clear();
      for (let start = 0; start < whole.length; start += size) text.append(whole.slice(start, start + size));
      assert.equal(element.textContent, whole, `in pieces of ${size}`);
      assert.ok(blocks().every((block) => block.length < 1000 + 200), `blocks in pieces of ${size}`);
    }
  });

  it("ends a block only behind a line end", () => {
    text.append(`${"x".repeat(3000)}\n${"y".repeat(10)}\n${"z".repeat(10)}`);
    assert.deepEqual(blocks().map((block) => block.length), [3001, 21]);
  });

  it("adds a piece to the block that is open and touches none before it", () => {
    text.append("one\n");
    text.append("two");
    assert.equal(element.children.length, 1);
    const [block] = element.children;
    assert.ok(block instanceof FakeElement);
    assert.deepEqual(block.children, ["one\n", "two"]);
  });

  it("begins again when it is cleared", () => {
    text.append("one");
    text.clear();
    text.append("two");
    assert.deepEqual(blocks(), ["two"]);
  });

  it("has no block for no text", () => {
    text.append("");
    assert.deepEqual(blocks(), []);
  });
});
