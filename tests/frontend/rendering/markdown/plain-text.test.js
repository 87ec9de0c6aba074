import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { plainText } from "../../../../frontend/rendering/markdown/plain-text.js";
import { NotedPainters, installDocument, removeDocument, rendered } from "../rendered.js";

const numbers = (/** @type {number} */ count) => Array.from({ length: count }, (_, index) => index + 1);

before(installDocument);
after(removeDocument);

describe("An answer as plain text", () => {
  /** @type {[what: string, text: string, expected: string][]} */
  const cases = [
    ["nothing", "", ""],
    ["paragraphs, each with its lines", "**one**\ntwo\\\nthree\n\n*four* `five` ~~six~~", "one\ntwo\nthree\n\nfour five six"],
    ["headings and quotations", "# One\n> two\n>\n> three\n\n***\nfour", "One\n\ntwo\n\nthree\n\nfour"],
    ["links by their words, unsafe ones with where they lead", "[a](https://b.c) [d](javascript:e)", "a d (javascript:e)"],
    ["lists in lists", "- a\n  1. b\n  2. c\n\n     d\n- e", "- a\n  1. b\n  2. c\n     d\n- e"],
    ["a list that starts later", "9. a\n10. b\n    - c", "9. a\n10. b\n    - c"],
    ["tasks", "- [x] a\n- [ ] b", "- [x] a\n- [ ] b"],
    ["an item of code", "- ```\n  a\n    b\n  ```", "- a\n    b"],
    ["a table, with tabs between its cells", "| a | **b** |\n|---|---|\n| 1 | 2 |\n| 3 |", "a\tb\n1\t2\n3\t"],
    ["code without its language and its button", "a\n\n```js\nlet x;\n\n  y\n```\nb", "a\n\nlet x;\n\n  y\n\nb"],
    ["a formula that is not made yet", "a $b^2$", "a $b^2$"],
    ["footnotes", "a[^1]\n\n[^1]: b", "a[1]\n\n[1] b"],
    ["not what was thought and is folded away", "<think>a</think>\n\nb", "b"],
  ];
  for (const [what, text, expected] of cases) it(what, () => assert.equal(plainText(rendered(text)), expected));

  it("what was thought, where it is open", () => {
    const element = rendered("<think>a\n\nb</think>\n\nc");
    element.querySelector("details")?.setAttribute("open", "");
    assert.equal(plainText(element), "Thought\n\na\n\nb\n\nc");
  });

  it("all of what is painted in pieces: many blocks, a long paragraph, a long list, a long table", () => {
    const blocks = numbers(100).map((number) => `block ${number}`).join("\n\n");
    const paragraph = `${"word ".repeat(2000)}end`;
    const list = numbers(250).map((number) => `${number}. item`).join("\n");
    const rows = numbers(250).map((number) => `${number}\tx`).join("\n");
    const table = `| a | b |\n|---|---|\n${rows.replaceAll(/^(\d+)\tx$/gm, "| $1 | x |")}`;
    const expected = [blocks, paragraph, list, `a\tb\n${rows}`].join("\n\n");
    assert.equal(plainText(rendered([blocks, paragraph, list, table].join("\n\n"), [7, 90, 4000])), expected);
  });

  it("all blocks of a quotation and of an item", () => {
    const blocks = numbers(70).map((number) => `block ${number}`);
    const quotation = blocks.map((block) => `> ${block}\n>\n`).join("");
    const item = `- first\n\n${blocks.map((block) => `  ${block}\n\n`).join("")}`;
    assert.equal(plainText(rendered(quotation)), blocks.join("\n\n"));
    assert.equal(plainText(rendered(item)), ["- first", ...blocks].join("\n  "));
  });

  it("the TeX of a formula", () => {
    const painters = new NotedPainters();
    painters.math.render = (element, tex) => {
      const annotation = document.createElement("annotation");
      annotation.append(tex);
      element.replaceChildren("a²", annotation);
    };
    assert.equal(plainText(rendered("so $a^2$\n\n$$\nb\n$$", [Infinity], painters)), "so a^2\n\nb");
  });
});
