import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Comparisons, KEY, MAX_COMPARISONS, isAtEnd } from "../../../frontend/conversations/comparisons.js";
import { MessageTree } from "../../../frontend/conversations/message-tree.js";
import { FakeBrowser } from "../fake-storage.js";

/** @param {string} selected */
const comparison = (selected = "a") => ({ question: "q", columns: [{ id: "a", label: "A" }, { id: "b", label: "B" }], selected });

/** @param {[string, string | null][]} messages ids with their parents */
function treeOf(...messages) {
  const common = { role: /** @type {const} */ ("user"), content: "", created_at: 0, state: /** @type {const} */ ("done"), generation: null };
  return new MessageTree(messages.map(([id, parent]) => ({ ...common, id, parent })));
}

describe("Stored comparisons", () => {
  /** @type {FakeBrowser} */
  let browser;

  beforeEach(() => {
    browser = new FakeBrowser();
  });

  function open() {
    const tab = browser.openTab();
    return new Comparisons(tab, tab);
  }

  it("outlive a reload, until they are removed", () => {
    const comparisons = open();
    comparisons.put("c", comparison());
    assert.deepEqual(open().of("c"), comparison());
    comparisons.remove("c");
    assert.equal(open().of("c"), undefined);
  });

  it("are the same in every tab", () => {
    const [one, other] = [open(), open()];
    let changes = 0;
    other.start(() => (changes += 1));
    one.put("c", comparison());
    one.put("c", comparison("b"));
    assert.deepEqual([other.of("c")?.selected, changes], ["b", 2]);
    other.stop();
  });

  it("are forgotten, the oldest first, when there are too many", () => {
    const comparisons = open();
    for (let number = 0; number <= MAX_COMPARISONS; number += 1) comparisons.put(`c${number}`, comparison());
    comparisons.put("c1", comparison("b"));
    const stored = open();
    assert.deepEqual([stored.of("c0"), stored.of("c1")?.selected], [undefined, "b"]);
  });

  it("are not stored for a temporary chat", () => {
    const comparisons = open();
    comparisons.put("c", comparison(), false);
    assert.deepEqual([comparisons.of("c"), browser.values.has(KEY)], [comparison(), false]);
  });

  it("are ignored where they can't be read", () => {
    const wrong = [null, 5, {}, { ...comparison(), columns: "ab" }, comparison("c"), { ...comparison(), columns: [{ id: 1, label: "A" }] }];
    for (const each of wrong) {
      browser.values.set(KEY, JSON.stringify({ c: each }));
      assert.equal(open().of("c"), undefined, JSON.stringify(each));
    }
    browser.values.set(KEY, "[]");
    assert.equal(open().of("c"), undefined);
  });
});

describe("The end of a branch", () => {
  it("has a comparison while nothing was asked below any of its answers", () => {
    const tree = treeOf(["q", null], ["a", "q"], ["b", "q"]);
    assert.equal(isAtEnd(comparison(), { tree, leaf: "b" }), true);
    assert.equal(isAtEnd(comparison(), { tree, leaf: "q" }), false);
    const longer = treeOf(["q", null], ["a", "q"], ["b", "q"], ["q2", "a"]);
    assert.equal(isAtEnd(comparison(), { tree: longer, leaf: "b" }), false);
    assert.equal(isAtEnd(comparison(), { tree: longer, leaf: "q2" }), false);
  });
});
