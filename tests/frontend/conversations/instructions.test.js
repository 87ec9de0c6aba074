import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Instructions, KEY } from "../../../frontend/conversations/instructions.js";
import { FakeBrowser } from "../fake-storage.js";

/** @param {string} key */
function instruction(key, { generation = "g", conversation = "c" } = {}) {
  return { key, generation, conversation, content: `Text of ${key}` };
}

describe("Instructions that may not have arrived", () => {
  /** @type {FakeBrowser} */
  let browser;

  beforeEach(() => {
    browser = new FakeBrowser();
  });

  const open = () => new Instructions(browser.openTab());

  it("keep their order, answer and conversation over a reload", () => {
    const one = open();
    for (const each of [instruction("a"), instruction("b", { generation: "h" }), instruction("x", { conversation: "d" })]) one.add(each);
    const later = open();
    assert.deepEqual(later.of("g").map(({ key }) => key), ["a", "x"]);
    assert.deepEqual(later.in("c"), [instruction("a"), instruction("b", { generation: "h" })]);
  });

  it("are taken by one tab only", () => {
    const one = open();
    one.add(instruction("a"));
    const other = open();
    assert.deepEqual([other.take("a"), one.take("a"), one.of("g"), other.of("g"), open().of("g")], [true, false, [], [], []]);
  });

  it("are not stored for a temporary chat", () => {
    const one = open();
    one.add(instruction("a"), false);
    assert.deepEqual([open().of("g"), one.of("g").length, one.take("a"), one.take("a")], [[], 1, true, false]);
  });

  it("work where the browser keeps nothing", () => {
    const one = new Instructions({ read: () => null, write: () => {} });
    one.add(instruction("a"));
    assert.deepEqual([one.of("g"), one.take("a"), one.of("g")], [[instruction("a")], true, []]);
  });

  it("ignore what they can't read, and are at most fifty", () => {
    browser.openTab().write(KEY, [null, 7, { key: "a" }, instruction("b")]);
    const one = open();
    assert.deepEqual(one.of("g"), [instruction("b")]);
    for (let n = 0; n < 60; n += 1) one.add(instruction(`n${n}`));
    assert.deepEqual([open().of("g").length, open().of("g").at(-1)], [50, instruction("n59")]);
    browser.openTab().write(KEY, { a: 1 });
    assert.deepEqual(open().of("g"), []);
  });
});
