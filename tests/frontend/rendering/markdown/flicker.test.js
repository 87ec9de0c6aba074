/** What is shown of an answer stays as it is while more comes. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { MarkdownText } from "../../../../frontend/rendering/markdown-text.js";
import { NotedPainters, installDocument, removeDocument } from "../rendered.js";

before(installDocument);
after(removeDocument);

const STYLES = new Set(["strong", "em", "del", "code", "a", "sup", "h2", "h3", "li", "blockquote", "table"]);

describe("What is shown of a growing text", () => {
  const texts = [
    "**Bold** text, *italic*, ***both*** and _more_ of __it__, `code`, ``two ` ticks``, ~~gone~~, snake_case, 2 * 3*4 = 24.",
    "See [the *docs*](https://a.b/c \"Title\") and [this](<https://a.b/d e>), or [1], matrix[i][j] and array[0].",
    "![a chart](https://a.b/c.png) and [![in](https://a.b/c.png)](https://d.e/)",
    "Visit https://example.com/a. Then www.example.org/b, (https://a.b/c) and <https://d.e/>; http is not https.",
    "The formula $x^2 + y$ and \\(z\\), $\\alpha$: it costs $5 or $10, a & b, &amp; &copy; &nosuch; a < b > c.",
    "$$\nx = 1\n$$\n\n\\[\ny\n\\]\n\n\\begin{align}\na &= b\n\\end{align}\n",
    "- **Item**: `code`\n- *Item*\n  1. [link](https://a.b)\n- [x] done\n- [ ] open\n\n> **Note:** `x`\n",
    "A note[^1] here, \\*no emphasis\\*, <br> and a line\\\nbreak.\n\n## Head *line* `x`\n\n| a | **b** |\n|---|---|\n| `c` | [d](https://e.f) |\n",
    "**注意：**请看`代码`，[链接](https://a.b/c)，**`x`**是。",
    "Use `<div>` and `a[0]` or `$x`, \"quoted\" **`code` in bold** and **bold with [link](https://a.b/c) in it**.",
  ];
  for (const text of texts) {
    it(`never changes: ${JSON.stringify(text.slice(0, 40))}`, () => {
      for (const size of [1, 2, 3, 5, 8]) assert.deepEqual(changes(text, size), [], `in pieces of ${size}`);
    });
  }

  /** @type {[what: string, text: string, shown: string][]} */
  const undecided = [
    ["marks", "a **", "a "],
    ["a link", "a [text", "a "],
    ["a link that may go on", "a [text]", "a "],
    ["an image", "a ![text](https://a", "a "],
    ["a formula", "a $x^2", "a "],
    ["a name", "a &am", "a "],
    ["the beginning of an address", "a https:/", "a "],
    ["a definition", "[a]: https://b", ""],
  ];
  for (const [what, text, shown] of undecided) {
    it(`leaves out ${what}, until the text is finished`, () => {
      const { element, markdown } = growing(text, 1);
      assert.equal(element.textContent?.trim(), shown.trim());
      markdown.finish();
      if (!text.startsWith("[")) assert.equal(element.querySelector("p")?.textContent?.slice(0, 3), text.startsWith("a !") ? "a !" : text.slice(0, 3));
    });
  }

  it("is what was begun as it will be: strong, emphasized, code, a link", () => {
    const { element } = growing("**a *b* `c`** *d* [e](https://f", 3);
    assert.equal(element.querySelector("p")?.innerHTML, "<strong>a <em>b</em> <code>c</code></strong> <em>d</em> <a>e</a>");
  });

  for (const begin of ["[", "$x", "\\(", "![", "&", "<a"]) {
    it(`does not wait for ever for the end of ${begin}`, () => {
      const { element } = growing(`a ${begin}${"b c ".repeat(60)}`, 4);
      assert.ok((element.textContent?.length ?? 0) > 100);
    });
  }
});

/**
 * @param {string} text
 * @param {number} size of its pieces
 * @param {(element: HTMLElement) => void} [shown] called after each
 */
function growing(text, size, shown = () => {}) {
  const element = document.createElement("div");
  const markdown = new MarkdownText(element, new NotedPainters(), () => 0);
  for (let at = 0; at < text.length; at += size) {
    markdown.append(text.slice(at, at + size));
    shown(element);
  }
  return { element, markdown };
}

/**
 * @param {string} text
 * @param {number} size of its pieces
 * @returns {[before: string, after: string][]} where a letter, or how it looks, was another afterwards
 */
function changes(text, size) {
  /** @type {[string, string][]} */
  const found = [];
  /** @type {string[]} */
  let before = [];
  const note = (/** @type {HTMLElement} */ element) => {
    const now = letters(element);
    const at = before.findIndex((letter, index) => letter !== now[index]);
    if (at !== -1) found.push([before.slice(Math.max(0, at - 5)).join(" "), now.slice(Math.max(0, at - 5)).join(" ")]);
    before = now;
  };
  const { element, markdown } = growing(text, size, note);
  markdown.finish();
  note(element);
  return found;
}

/**
 * @param {Node} node
 * @param {string} [style]
 * @returns {string[]} each letter with its style
 */
function letters(node, style = "") {
  if (node.nodeType === 3) return [...(node.textContent ?? "").replace(/\s/g, "")].map((letter) => letter + style);
  const element = /** @type {Element} */ (node);
  if (element.className === "code-bar") return [];
  const own = element.classList.contains("math") ? "math" : STYLES.has(element.localName) ? element.localName : "";
  return [...node.childNodes].flatMap((child) => letters(child, own === "" ? style : `${style}/${own}`));
}
