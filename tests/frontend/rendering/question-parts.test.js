import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { QuestionParts, isLongToRead } from "../../../frontend/rendering/question-parts.js";

const FILE = { name: "one.py", text: "print(1)\n" };

describe("QuestionParts", () => {
  /** @type {any} */
  let body;
  /** @type {QuestionParts} */
  let parts;
  /** @type {string[]} */
  let opened;

  beforeEach(() => {
    const window = parseHTML('<html><body><article><ul class="question-files" hidden></ul><div><div class="message-text"></div></div></article></body></html>');
    Object.assign(globalThis, { document: window.document, HTMLElement: window.HTMLElement });
    body = window.document.querySelector("article");
    opened = [];
    parts = new QuestionParts(body, ({ name }) => opened.push(name));
  });

  afterEach(() => {
    for (const name of ["document", "HTMLElement"]) Reflect.deleteProperty(globalThis, name);
  });

  const isFolded = () => body.querySelector(".message-text").classList.contains("is-folded");
  const button = () => body.querySelector(".fold-button");

  it("shows a chip for each file, which opens it", () => {
    parts.show("Why?", [FILE]);
    body.querySelector(".file-open").click();
    assert.deepEqual(opened, ["one.py"]);
    assert.equal(body.querySelector(".file-remove"), null);
    const chip = body.querySelector(".file-chip");
    parts.show("Why?", [{ ...FILE }]);
    assert.equal(body.querySelector(".file-chip"), chip);
    parts.show("Why?", []);
    assert.equal(body.querySelector(".question-files").hidden, true);
  });

  it("leaves a short text as it is", () => {
    parts.show("a\n".repeat(30), []);
    assert.equal(isFolded(), false);
    assert.equal(button(), null);
  });

  it("folds a long text, and unfolds it at a press", () => {
    parts.show("a\n".repeat(31), []);
    assert.equal(isFolded(), true);
    assert.equal(button().textContent, "Show more");
    assert.equal(button().getAttribute("aria-expanded"), "false");
    button().click();
    assert.equal(isFolded(), false);
    assert.equal(button().textContent, "Show less");
    button().click();
    assert.equal(isFolded(), true);
  });

  it("stays unfolded while the text is the same", () => {
    const text = "word ".repeat(1000);
    parts.show(text, []);
    parts.unfold();
    parts.show(text, []);
    assert.equal(isFolded(), false);
  });
});

describe("isLongToRead", () => {
  it("is a text of many lines or many characters", () => {
    assert.equal(isLongToRead("a\n".repeat(30)), false);
    assert.equal(isLongToRead("a\n".repeat(31)), true);
    assert.equal(isLongToRead("a".repeat(2500)), false);
    assert.equal(isLongToRead("a".repeat(2501)), true);
  });
});
