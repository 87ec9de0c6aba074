import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { HeldTexts, LONG_LENGTH, LONG_LINES, isLong, isTooLongForField } from "../../../frontend/composer/held-texts.js";
import { fileBlock } from "../../../frontend/conversations/message-files.js";
import { messageBytes } from "../../../frontend/composer/message-size.js";

describe("A long paste", () => {
  it("is one of many lines, or of many characters", () => {
    assert.equal(isLong("a\n".repeat(LONG_LINES)), false);
    assert.equal(isLong("a\n".repeat(LONG_LINES + 1)), true);
    assert.equal(isLong("a".repeat(LONG_LENGTH)), false);
    assert.equal(isLong("a".repeat(LONG_LENGTH + 1)), true);
    assert.equal(isLong(""), false);
  });

  it("is not yet too long for the text field", () => {
    assert.equal(isTooLongForField("a".repeat(LONG_LENGTH + 1)), false);
    assert.equal(isTooLongForField("a\n".repeat(5000)), true);
    assert.equal(isTooLongForField("a".repeat(60_000)), true);
  });
});

describe("HeldTexts", () => {
  /** @type {any} */
  let list;
  /** @type {HeldTexts} */
  let held;
  /** @type {string[]} */
  let opened;
  let changes = 0;

  beforeEach(() => {
    const window = parseHTML("<html><body><form><ul hidden></ul></form></body></html>");
    Object.assign(globalThis, { document: window.document, HTMLElement: window.HTMLElement });
    list = window.document.querySelector("ul");
    [opened, changes] = [[], 0];
    held = new HeldTexts(list, () => (changes += 1), ({ name }) => opened.push(name));
  });

  afterEach(() => {
    for (const name of ["document", "HTMLElement"]) Reflect.deleteProperty(globalThis, name);
  });

  const chips = () => [...list.children].map((/** @type {any} */ chip) => [...chip.querySelectorAll("span span, button > span")].map((each) => each.textContent));

  it("shows name, size and lines of each", () => {
    held.add({ name: "one.py", text: "a\n".repeat(5000) });
    held.addPasted("é");
    assert.deepEqual(chips(), [["one.py", "9.7 KiB · 5,000 lines"], ["Pasted text", "3 bytes · 1 line"]]);
    assert.equal(list.hidden, false);
    assert.equal(changes, 2);
    assert.equal(held.bytes, held.items.reduce((sum, item) => sum + messageBytes(fileBlock(item)), 0));
  });

  it("numbers pastes", () => {
    for (const text of ["a", "b", "c"]) held.addPasted(text);
    assert.deepEqual(held.items.map(({ name }) => name), ["Pasted text", "Pasted text 2", "Pasted text 3"]);
  });

  it("gives a text of an older draft the line ends of a file", () => {
    held.replace([{ name: "Pasted text", text: "a\r\nb" }]);
    assert.deepEqual(held.items, [{ name: "Pasted text", text: "a\nb\n" }]);
  });

  it("opens and removes one", () => {
    held.addPasted("a");
    held.addPasted("b");
    list.querySelectorAll(".file-open")[1].click();
    assert.deepEqual(opened, ["Pasted text 2"]);
    list.querySelector(".file-remove").click();
    assert.deepEqual(held.items.map(({ text }) => text), ["b\n"]);
    list.querySelector(".file-remove").click();
    assert.equal(held.isEmpty, true);
    assert.equal(list.hidden, true);
  });

  it("keeps the place of a file that is being read", () => {
    const place = held.reserve("slow.txt");
    held.addPasted("a");
    assert.equal(held.isReading, true);
    assert.deepEqual(chips()[0], ["slow.txt", "Reading…"]);
    place.fill("b");
    assert.equal(held.isReading, false);
    assert.deepEqual(held.items.map(({ name }) => name), ["slow.txt", "Pasted text"]);
  });

  it("takes away a file that couldn't be read", () => {
    held.reserve("slow.txt").drop();
    assert.equal(held.isReading, false);
    assert.equal(list.hidden, true);
  });

  for (const [what, act] of /** @type {[string, () => void][]} */ ([
    ["its chip is removed", () => list.querySelector(".file-remove").click()],
    ["another conversation is opened", () => held.replace([{ name: "other", text: "b\n" }])],
  ])) {
    it(`forgets a file that is being read when ${what}`, () => {
      const place = held.reserve("slow.txt");
      act();
      assert.equal(place.signal.aborted, true);
      place.fill("a");
      assert.deepEqual(held.items.filter(({ name }) => name === "slow.txt"), []);
      assert.equal(held.isReading, false);
    });
  }
});
