import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Drafts, KEY, MAX_DRAFT, MAX_DRAFTS, SAVE_MS } from "../../../frontend/composer/drafts.js";
import { FakeClock } from "../fake-clock.js";
import { FakeBrowser } from "../fake-storage.js";

class FakeInput extends EventTarget {
  value = "";

  /** @param {string} text */
  type(text) {
    this.value = text;
    this.dispatchEvent(new Event("input"));
  }
}

class FakeHeld {
  /** @type {import("../../../frontend/composer/held-texts.js").HeldText[]} */
  items = [];

  /** @param {FakeInput} input */
  constructor(input) {
    this.input = input;
  }

  /** @param {FakeHeld["items"]} items */
  replace(items) {
    this.items = items;
    this.input.dispatchEvent(new Event("input"));
  }
}

describe("Drafts", () => {
  const clock = new FakeClock();
  /** @type {FakeBrowser} */
  let browser;

  beforeEach(() => {
    browser = new FakeBrowser();
  });

  /** @param {string} conversation */
  function openPage(conversation) {
    const input = new FakeInput();
    const storage = browser.openTab();
    const held = new FakeHeld(input);
    const drafts = new Drafts(storage, input, clock, held);
    drafts.start();
    drafts.open(conversation);
    return { input, held, drafts, storage };
  }

  it("gives a draft back after a reload", () => {
    openPage("a").input.type("And then?");
    clock.advance(SAVE_MS);
    assert.equal(openPage("a").input.value, "And then?");
  });

  it("keeps the long texts beside it, alone as well", () => {
    const { held, drafts } = openPage("a");
    held.replace([{ name: "notes.txt", text: "long" }]);
    drafts.open("b");
    assert.deepEqual(held.items, []);
    assert.deepEqual(openPage("a").held.items, [{ name: "notes.txt", text: "long" }]);
  });

  it("keeps one for each conversation", () => {
    const { input, drafts } = openPage("a");
    input.type("for a");
    drafts.open("b");
    assert.equal(input.value, "");
    input.type("for b");
    drafts.open("a");
    assert.equal(input.value, "for a");
    drafts.open("b");
    assert.equal(input.value, "for b");
  });

  it("tells those who watch the input", () => {
    const { input, drafts } = openPage("a");
    input.type("for a");
    drafts.open("b");
    let events = 0;
    input.addEventListener("input", () => (events += 1));
    drafts.open("a");
    assert.equal(events, 1);
  });

  it("forgets what has been sent", () => {
    const { input, drafts } = openPage("a");
    input.type("And then?");
    drafts.save();
    input.type("");
    drafts.save();
    assert.equal(openPage("a").input.value, "");
  });

  it("writes once for many keys, and nothing where nothing changed", () => {
    const { input, drafts, storage } = openPage("a");
    for (const text of ["A", "An", "And"]) input.type(text);
    assert.equal(storage.writes, 0);
    clock.advance(SAVE_MS);
    drafts.save();
    assert.equal(storage.writes, 1);
  });

  it("keeps the newest ones, and none that would fill the browser's storage", () => {
    const { input, drafts } = openPage("0");
    for (let index = 0; index <= MAX_DRAFTS; index += 1) {
      drafts.open(String(index));
      input.type(`draft ${index}`);
    }
    drafts.open("0");
    assert.equal(input.value, "");
    drafts.open("1");
    assert.equal(input.value, "draft 1");
    input.type("x".repeat(MAX_DRAFT + 1));
    drafts.save();
    assert.equal(openPage("1").input.value, "");
    assert.equal(openPage("2").input.value, "draft 2");
  });

  it("does without what another version has kept", () => {
    for (const rubbish of [3, "x", [3, null, ["a"]], { a: "b" }]) {
      browser.openTab().write(KEY, rubbish);
      assert.equal(openPage("a").input.value, "");
    }
  });
});
