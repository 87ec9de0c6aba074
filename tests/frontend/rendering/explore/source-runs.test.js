import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { runAt, sourceRuns } from "../../../../frontend/rendering/explore/source-runs.js";
import { installDocument, removeDocument, rendered } from "../rendered.js";

before(() => {
  installDocument();
  Object.assign(globalThis, { NodeFilter: { SHOW_ELEMENT: 1, SHOW_TEXT: 4 } });
});
after(() => {
  removeDocument();
  Reflect.deleteProperty(globalThis, "NodeFilter");
});

/** @typedef {import("../../../../frontend/rendering/explore/source-runs.js").Run} Run */

/** @param {Run} run @returns {string} its text on the page */
function shownText({ node, begin, length }) {
  return (node.textContent ?? "").slice(begin, begin + length);
}

/**
 * The source with everything in brackets that has no place on the page.
 * @param {string} source
 */
function withoutPlace(source) {
  let [text, end] = ["", 0];
  for (const run of sourceRuns(rendered(source), source)) {
    if (run.at > end) text += `[${source.slice(end, run.at)}]`;
    assert.equal(shownText(run), source.slice(run.at, run.at + run.length));
    assert.ok(run.at >= end, "runs overlap");
    text += source.slice(run.at, run.at + run.length);
    end = run.at + run.length;
  }
  return end < source.length ? `${text}[${source.slice(end)}]` : text;
}

describe("Rendered text is found in its source", () => {
  /** @type {[what: string, source: string, expected: string][]} */
  const cases = [
    ["in paragraphs", "One.\nTwo.\n\nThree.", "One.\nTwo.[\n\n]Three."],
    ["beside marks of emphasis", "A **bold *and* thin** word", "A [**]bold [*]and[*] thin[**] word"],
    ["in headings", "## Two ##\n\nText", "[## ]Two[ ##\n\n]Text"],
    ["in lists", "1. One\n2. Two\n   - Three", "[1. ]One[\n2. ]Two[\n   - ]Three"],
    ["in a quotation", "> One\n> Two", "[> ]One\n[> ]Two"],
    ["in code", "Say:\n\n```python\npython = 1\nprint(python)\n```\nDone", "Say:[\n\n```python\n]python = 1\nprint(python)[\n```\n]Done"],
    ["in code like the name of its language", "```py\npy\n```", "[```py\n]py[\n```]"],
    ["in indented code", "- a\n\n  ```\n  x\n    y\n  ```", "[- ]a[\n\n  ```\n  ]x\n[  ]  y[\n  ```]"],
    ["in inline code", "Call `f()` now", "Call [`]f()[`] now"],
    ["beside a link's address", "See [a](http://a.example/b) b", "See [[]a[](http://a.example/b)] b"],
    ["right after a link's address", "[a](http://a.example/b)b", "[[]a[](http://a.example/b)]b"],
    ["beside an emphasised link", "[**x**](http://x.example/x) x", "[[**]x[**](http://x.example/x)] x"],
    ["in an address", "At http://a.example, then", "At http://a.example, then"],
    ["in a table", "| a | b |\n|---|---|\n| c | d |", "[| ]a[ | ]b[ |\n|---|---|\n| ]c[ | ]d[ |]"],
    ["around an escaped mark", "1 \\* 2 \\* 3", "1 [\\]* 2 [\\]* 3"],
    ["around an entity", "a &amp; b", "a &[amp;] b"],
    ["around a line break", "a<br>b", "a[<br>]b"],
    ["in a thought", "<think>Hm.</think>Yes.", "[<think>]Hm.[</think>]Yes."],
    ["with characters of two units", "😀 a **😀** b", "😀 a [**]😀[**] b"],
  ];
  for (const [what, source, expected] of cases) it(what, () => assert.equal(withoutPlace(source), expected));

  it("for a formula as a whole", () => {
    const source = "Then $x^2$ holds.";
    const root = rendered(source);
    const math = root.querySelector(".math");
    assert.ok(math);
    const katex = document.createElement("span");
    katex.className = "katex";
    const tex = document.createElement("annotation");
    tex.append("x^2");
    katex.append(tex, "x2");
    math.replaceChildren(katex);
    const runs = sourceRuns(root, source);
    assert.deepEqual(runs.map(({ at, length }) => source.slice(at, at + length)), ["Then ", "x^2", " holds."]);
    assert.equal(runs[1]?.node, katex);
  });

  it("but not the page's own words in it", () => {
    const root = rendered("Copy Thought text\n\n```\ntext Copy\n```");
    assert.deepEqual(sourceRuns(root, "Copy Thought text\n\n```\ntext Copy\n```").map(shownText), ["Copy Thought text", "text Copy"]);
  });

  it("also while it is behind its source", () => {
    assert.deepEqual(sourceRuns(rendered("One two"), "One two three").map(({ length }) => length), [7]);
    assert.deepEqual(sourceRuns(rendered("One two three"), "One two").length < 10, true);
  });

  it("in a long answer too", () => {
    const source = Array.from({ length: 4000 }, (_, index) => `Word **${index}** is [here](http://a.example/${index}).`).join("\n\n");
    const runs = sourceRuns(rendered(source), source);
    assert.equal(runs.length, 4000 * 5);
    const last = source.indexOf("**3999**") + 2;
    assert.equal(runs[runAt(runs, last)]?.at, last);
  });
});

describe("The run at a place", () => {
  const node = /** @type {any} */ ({});
  const runs = [{ node, begin: 0, at: 2, length: 3 }, { node, begin: 3, at: 7, length: 1 }];

  it("is the last one that begins there or before", () => {
    assert.deepEqual([0, 1, 2, 4, 6, 7, 100].map((place) => runAt(runs, place)), [-1, -1, 0, 0, 0, 1, 1]);
    assert.equal(runAt([], 3), -1);
  });
});
