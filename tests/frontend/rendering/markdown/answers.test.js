/** Markdown as models write it, also where the specifications leave them alone. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { MarkdownText } from "../../../../frontend/rendering/markdown-text.js";
import { Entities } from "../../../../frontend/rendering/markdown/entities.js";
import { NotedPainters, html, installDocument, removeDocument, rendered } from "../rendered.js";

before(installDocument);
after(removeDocument);

/** @type {(href: string, text?: string) => string} */
const link = (href, text = href) => `<a href="${href}">${text}</a>`;

describe("Text", () => {
  /** @type {[what: string, text: string, expected: string][]} */
  const cases = [
    ["with a carriage return as its line end", "a\rb", "<p>a\nb</p>"],
    ["with both line ends", "a\r\nb\r\n\r\nc", "<p>a\nb</p><p>c</p>"],
    ["with a line separator", "a\u2028b", "<p>a\u2028b</p>"],
    ["in a set of characters keeps its brackets", "Use [^0-9] to match", "<p>Use [^0-9] to match</p>"],
    ["in brackets that name nothing is formatted", "matrix[`i`] and [**b**][zz]", "<p>matrix[<code>i</code>] and [<strong>b</strong>][zz]</p>"],
    ["in nested brackets that name nothing is formatted", "[a [*b*] c]", "<p>[a [<em>b</em>] c]</p>"],
    ["of a note that is defined later is a mark of it", "a[^n] b\n\n[^n]: c", '<p>a<sup class="footnote-mark">n</sup> b</p><div class="footnote"><p><sup class="footnote-mark">n</sup>c</p></div>'],
    ["with single tildes is not struck out", "5~10元，20~30元 H~2~O ~a~", "<p>5~10元，20~30元 H~2~O ~a~</p>"],
    ["with double tildes is", "~~a~~ b", "<p><del>a</del> b</p>"],
  ];
  for (const [what, text, expected] of cases) it(`${what} is shown right`, () => assert.equal(html(text), expected));

  for (const white of ["\u3000", "\u00a0", "\ufeff", "\u2028", "\f", "\v", "\u2003"]) {
    it(`behind U+${white.charCodeAt(0).toString(16)} is there at once, also in an item and a quotation`, () => {
      for (const before of ["", "- ", "> ", "1. ", "a\n\n"]) {
        const element = document.createElement("div");
        const text = new MarkdownText(element, new NotedPainters(), () => 0);
        for (const piece of [before, white, "a", "b"]) text.append(piece);
        assert.ok(element.textContent?.endsWith(`${white}ab`), JSON.stringify([before, element.textContent]));
      }
    });
  }
});

describe("Links", () => {
  /** @type {[text: string, expected: string][]} */
  const cases = [
    ["[https://a.b/c](https://a.b/c)", link("https://a.b/c")],
    ["[see https://a.b/c here](https://d.e/)", link("https://d.e/", "see https://a.b/c here")],
    ["[www.a.b](https://d.e/)", link("https://d.e/", "www.a.b")],
    ["[me@a.b](mailto:me@a.b)", link("mailto:me@a.b", "me@a.b")],
    ["[a <https://b.c/> d](https://e.f/)", link("https://e.f/", "a https://b.c/ d")],
    ["[![a](https://b.c/d.png)](https://e.f/)", link("https://e.f/", '<span class="image-name">a</span>')],
    ["[Source: https://a.b/c]", `[Source: ${link("https://a.b/c")}]`],
    ["[https://a.b/c", `[${link("https://a.b/c")}`],
    ["请访问https://example.com/a 谢谢", `请访问${link("https://example.com/a")} 谢谢`],
    ["（https://example.com/a）。谢谢", `（${link("https://example.com/a")}）。谢谢`],
    ["见https://example.com/a，或www.b.c。", `见${link("https://example.com/a")}，或${link("https://www.b.c/", "www.b.c")}。`],
    ["「https://example.com/a」と“https://example.com/b”", `「${link("https://example.com/a")}」と“${link("https://example.com/b")}”`],
    ["**https://a.b/c**和", `<strong>${link("https://a.b/c")}</strong>和`],
    ["xhttps://a.b/c", "xhttps://a.b/c"],
    ["me.you_1@a-b.cd.", `${link("mailto:me.you_1@a-b.cd", "me.you_1@a-b.cd")}.`],
    ["邮箱me@a.cn。", `邮箱${link("mailto:me@a.cn", "me@a.cn")}。`],
    ["a@b and \\@ and @media x@y_", "a@b and @ and @media x@y_"],
  ];
  for (const [text, expected] of cases) {
    it(`of ${text} are right`, () => {
      assert.equal(html(text), `<p>${expected}</p>`);
      assert.equal(rendered(text).querySelector("a a"), null);
    });
  }

  it("of an image with an address as its text lead to the image alone", () => {
    const links = rendered("![https://a.b/c](https://d.e/f.png)").querySelectorAll("a");
    assert.deepEqual([...links].map((each) => each.getAttribute("href")), ["https://d.e/f.png"]);
  });

  it("get their names of characters when the table of them has been loaded", async () => {
    /** @type {(names: Record<string, string>) => void} */
    let load = () => {};
    const entities = new Entities(() => new Promise((resolve) => void (load = resolve)));
    const element = rendered("&Dcaron; &amp; *&ouml;*", [3], Object.assign(new NotedPainters(), { entities }));
    assert.equal(element.textContent, "&Dcaron; & &ouml;");
    load({ Dcaron: "Ď", ouml: "ö", amp: "&" });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(element.textContent, "Ď & ö");
  });
});

describe("Emphasis in Chinese, Japanese and Korean", () => {
  /** @type {[text: string, expected: string][]} */
  const cases = [
    ["**注意：**请", "<strong>注意：</strong>请"],
    ["**中文（English）**中文", "<strong>中文（English）</strong>中文"],
    ["**`code`**是", "<strong><code>code</code></strong>是"],
    ["是**`code`**", "是<strong><code>code</code></strong>"],
    ["他说**“你好”**，然后", "他说<strong>“你好”</strong>，然后"],
    ["**これは「強調」**です", "<strong>これは「強調」</strong>です"],
    ["이것은 **강조(emphasis)**입니다", "이것은 <strong>강조(emphasis)</strong>입니다"],
    ["*斜体。*文字", "<em>斜体。</em>文字"],
    ["~~删除。~~文字", "<del>删除。</del>文字"],
    ["**(a)**b", "**(a)**b"],
  ];
  for (const [text, expected] of cases) it(`${text} is right`, () => assert.equal(html(text), `<p>${expected}</p>`));
});

describe("Formulas", () => {
  /** @type {[text: string, formulas: string[]][]} */
  const cases = [
    ["the $n$th term", ["n"]],
    ["$i$-th, $x$s and 2$\\pi$r", ["i", "x", "\\pi"]],
    ["当$x=2$时，$y$是", ["x=2", "y"]],
    ["a $ x $ b", []],
    ["$HOME/bin:$PATH and $name=$value", []],
    ["$20,000 and $30,000", []],
    ["\\begin{align}\na &= b\\\\\n- c &= d\n\\end{align}", ["\\begin{align}\na &= b\\\\\n- c &= d\n\\end{align}"]],
    ["so\n\\begin{equation*}\nx\n\\end{equation*}\nwhere", ["\\begin{equation*}\nx\n\\end{equation*}"]],
    ["$$\na\n- b\n+ c\n> d\n$$", ["\na\n- b\n+ c\n> d\n"]],
    ["\\[\n- x\n\\]", ["\n- x\n"]],
    ["```math\nx^2\n- y\n```", ["x^2\n- y"]],
    ["~~~math\n\\ce{H2O}\n~~~", ["\\ce{H2O}"]],
    ["\\begin{itemize}\nx\n\\end{itemize}", []],
  ];
  for (const [text, formulas] of cases) {
    it(`of ${JSON.stringify(text)} are ${formulas.length}`, () => {
      for (const size of [1, 5, Infinity]) {
        const painters = new NotedPainters();
        rendered(text, [size], painters);
        assert.deepEqual([...new Set(painters.formulas.map(([tex]) => tex))].filter((tex) => formulas.includes(tex)), formulas);
        if (size === Infinity) assert.deepEqual(painters.formulas.map(([tex]) => tex), formulas);
      }
    });
  }

  for (const text of ["Price: $$", "It costs $$ or", "Use \\[ to", "\\[ ] to do", "\\[", "$$", "\\[x] done", "a \\begin{align}"]) {
    it(`that are none leave the list behind ${text} alone`, () => {
      const items = rendered(`${text}\n- a\n- b\n\nend`).querySelectorAll("li");
      assert.deepEqual([...items].map((item) => item.textContent), ["a", "b"]);
    });
  }
});

describe("Blocks", () => {
  it("of a footnote are all in it", () => {
    const element = rendered("a[^1]\n\n[^1]: one\nlazy\n\n    two\n\n    - three\n\n    ```\n    four\n    ```\n\nend");
    assert.equal(element.querySelector(".footnote")?.children.length, 4);
    assert.equal(element.querySelector(".markdown-body > p:last-child")?.textContent, "end");
  });

  it("of a footnote have its mark before them, also where there are none or no text", () => {
    const mark = '<sup class="footnote-mark">a</sup>';
    assert.equal(html("[^a]:"), `<div class="footnote"><p>${mark}</p></div>`);
    assert.equal(html("[^a]: - b"), `<div class="footnote"><p>${mark}</p><ul><li><p>b</p></li></ul></div>`);
    assert.equal(html("[^a]:\n    b"), `<div class="footnote"><p>${mark}b</p></div>`);
  });

  it("of code in a block of Markdown do not end it", () => {
    const element = rendered("```markdown\n# T\n\n```py\nx\n```\n\nmore\n```\nafter");
    assert.equal(element.querySelector("code")?.textContent, "# T\n\n```py\nx\n```\n\nmore");
    assert.equal(element.querySelector("p")?.textContent, "after");
  });

  it("of code in a block of another language end it", () => {
    assert.equal(rendered("```text\n```py\n```\nafter").querySelector("p")?.textContent, "after");
  });

  it("that define links are never shown, nor make a heading", () => {
    assert.equal(html("[foo]: https://a.b/\n'a\ntitle'\n===\n[foo]"), '<p>===\n<a title="a\ntitle" href="https://a.b/">foo</a></p>');
  });
});

describe("Directions", () => {
  it("are those of blocks in the root and of tables, for all that is in them", () => {
    const element = rendered("# a\n\nb\n\n- c\n\n  d\n  - e\n\n> f\n>\n> - g\n\n[^1]: h\n\n| i |\n|---|\n| j |\n\nk\n===");
    const directed = [...element.querySelectorAll('[dir="auto"]')].map(({ localName }) => localName);
    assert.deepEqual(directed, ["h2", "p", "ul", "blockquote", "div", "table", "h2"]);
  });

  it("of code go from left to right", () => {
    const element = rendered("```js\nx\n```");
    assert.deepEqual([...element.querySelectorAll("[dir]")].map((each) => each.getAttribute("dir")), ["ltr", "ltr"]);
  });
});

describe("A text that was finished", () => {
  /** @type {[what: string, first: string, second: string][]} */
  const cases = [
    ["in a block of code", "```js\nlet x", " = 1;\ny\n```\nend"],
    ["in a word", "Hel", "lo"],
    ["in a paragraph's line end", "one\n", "two"],
    ["in an item", "- a\n- b", "c\n- d"],
    ["in a table", "| a |\n|---|\n| b", " c |\n| d |"],
    ["in a quotation", "> a", "b\n> c"],
    ["in strong text", "a **b", " c** d"],
    ["before a table's second line", "| a |", "\n|---|\n| b |"],
    ["in the mark of a block of code", "a\n\n``", "`js\nx"],
    ["in a definition", "[a] b\n\n[a]: https://b", ".c/"],
    ["in a thought", "<think>\nHm", "m.\n</think>\n\nYes."],
    ["in the mark of a thought", "<thi", "nk>Hm</think>Yes."],
    ["behind a thought", "<think>Hm</think>\n\nYe", "s."],
    ["between both parts of a line end", "a\r", "\nb"],
    ["in a heading, behind others", "# A\n\n### B\n\n## C", " d\n\n### E"],
  ];
  for (const [what, first, second] of cases) {
    it(`${what} goes on as one text`, () => {
      const element = document.createElement("div");
      const text = new MarkdownText(element, new NotedPainters(), () => 0);
      text.append(first);
      text.finish();
      text.append(second);
      text.finish();
      assert.equal(element.innerHTML, rendered(first + second).innerHTML);
    });
  }

  it("keeps all blocks but its last one", () => {
    const element = document.createElement("div");
    const text = new MarkdownText(element, new NotedPainters(), () => 0);
    text.append("# Head\n\none\n\ntwo");
    text.finish();
    const [heading, paragraph] = [element.querySelector("h2"), element.querySelector("p")];
    text.append(" three");
    assert.equal(element.querySelector("h2"), heading);
    assert.equal(element.querySelector("p"), paragraph);
    assert.equal(element.lastElementChild?.lastElementChild?.textContent, "two three");
  });
});
