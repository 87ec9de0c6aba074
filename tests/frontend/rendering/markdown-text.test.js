import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { MarkdownText } from "../../../frontend/rendering/markdown-text.js";
import { NotedPainters, html, installDocument, removeDocument, rendered } from "./rendered.js";

before(installDocument);
after(removeDocument);

describe("Markdown blocks", () => {
  /** @type {[what: string, text: string, expected: string][]} */
  const cases = [
    ["a paragraph keeps its lines", "one\ntwo", "<p>one\ntwo</p>"],
    ["a heading", "## Two ##", '<h2 class="heading heading-2">Two</h2>'],
    ["an underlined heading", "Two\n---", '<h2 class="heading heading-2">Two</h2>'],
    ["no heading", "#hashtag", "<p>#hashtag</p>"],
    ["a rule", "***", "<hr>"],
    ["a quotation with a lazy line", "> one\ntwo", "<blockquote><p>one\ntwo</p></blockquote>"],
    ["a list in a list", "- a\n  - b\n- c", "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p></li></ul>"],
    ["a list that starts later", "3. a\n4. b", '<ol start="3"><li><p>a</p></li><li><p>b</p></li></ol>'],
    ["two kinds of list", "- a\n* b", "<ul><li><p>a</p></li></ul><ul><li><p>b</p></li></ul>"],
    ["an item of two paragraphs", "- a\n\n  b", "<ul><li><p>a</p><p>b</p></li></ul>"],
    ["a year in a paragraph", "It was\n1984. Really", "<p>It was\n1984. Really</p>"],
    ["raw HTML", '<img src=x onerror="alert(1)">', '<p>&lt;img src=x onerror="alert(1)"&gt;</p>'],
    ["a footnote", "[^a]: Text", '<div class="footnote"><p><sup class="footnote-mark">a</sup>Text</p></div>'],
    ["no table without a second line", "| a | b |", "<p>| a | b |</p>"],
  ];
  for (const [what, text, expected] of cases) it(what, () => assert.equal(html(text), expected));

  it("a table, with missing and surplus cells", () => {
    const table = rendered("| a | b |\n|:-:|--:|\n| 1 |\n| 2 | 3 \\| 4 | 5 |\n\nafter");
    const rows = [...table.querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent));
    assert.deepEqual(rows, [["a", "b"], ["1", ""], ["2", "3 | 4"]]);
    assert.deepEqual([...table.querySelectorAll("td")].map(({ className }) => className).slice(0, 2), ["align-center", "align-right"]);
  });

  it("code in a fence, with blank lines, longer fences inside and its language", () => {
    const painters = new NotedPainters();
    const code = rendered("````js title\nlet x;\n\n```\n  y\n````\ntext", [Infinity], painters).querySelector("code");
    assert.equal(code?.textContent, "let x;\n\n```\n  y");
    assert.deepEqual(painters.codes, [["let x;\n\n```\n  y", "js"]]);
  });

  it("a fence that is never closed", () => {
    assert.equal(rendered("```\nx\n- y").querySelector("code")?.textContent, "x\n- y");
  });

  it("a fence in an item, closed by what is not in it", () => {
    const element = rendered("- a\n  ```\n  x\n    y\nafter");
    assert.equal(element.querySelector("li code")?.textContent, "x\n  y");
    assert.equal(element.querySelector(".markdown-body > p")?.textContent, "after");
  });

  it("tasks", () => {
    const boxes = [...rendered("- [x] a\n- [ ] b").querySelectorAll("input")];
    assert.deepEqual(boxes.map((box) => box.getAttribute("aria-label")), ["Done", "To do"]);
  });
});

describe("Markdown inlines", () => {
  /** @type {[text: string, expected: string][]} */
  const cases = [
    ["**a *b* c**", "<strong>a <em>b</em> c</strong>"],
    ["***a** b*", "<em><strong>a</strong> b</em>"],
    ["snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"],
    ["~~gone~~", "<del>gone</del>"],
    ["``a ` b`` `c*d*`", "<code>a ` b</code> <code>c*d*</code>"],
    ["\\*a\\* &amp; &#8364; &nosuch;", "*a* &amp; € &amp;nosuch;"],
    ["a<br>b", "a<br>b"],
    ["**open", "**open"],
    ["[^1]", '<sup class="footnote-mark">1</sup>'],
  ];
  for (const [text, expected] of cases) it(text, () => assert.equal(html(text), `<p>${expected}</p>`));

  it("links to http, https and mailto alone", () => {
    const text = "[a](https://a.b/?q=(1) \"t\") <https://c.d> www.e.f. <x@y.z> [h](HTTP://H.I)";
    const links = [...rendered(text).querySelectorAll("a")];
    const expected = ["https://a.b/?q=(1)", "https://c.d/", "https://www.e.f/", "mailto:x@y.z", "http://h.i/"];
    assert.deepEqual(links.map((link) => link.getAttribute("href")), expected);
    for (const link of links) {
      assert.equal(link.getAttribute("rel"), "noopener noreferrer nofollow");
      assert.equal(link.getAttribute("target"), "_blank");
    }
  });

  for (const address of [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>", "vbscript:x", "file:///etc/passwd", "//evil.example",
    "/relative", "#hash", "java\\script:x", "&#106;avascript:x", "blob:https://x/y", "filesystem:x", "intent://x", "\u0001javascript:x",
  ]) {
    it(`shows ${JSON.stringify(address)} as text`, () => {
      for (const text of [`[a](${address})`, `[a](<${address}>)`, `![a](${address})`, `<${address}>`, `[a][b]\n\n[b]: ${address}`]) {
        assert.equal(rendered(text).querySelector("a, img"), null, text);
      }
    });
  }

  it("makes no image, but a link to it", () => {
    const element = rendered("![a chart](https://x.y/z.png) [![in a link](https://x.y/z.png)](https://a.b)");
    assert.equal(element.querySelector("img"), null);
    assert.equal(element.querySelector(".image-link")?.getAttribute("href"), "https://x.y/z.png");
  });

  it("makes links of references whose definition comes later, wherever they stand", () => {
    const early = rendered("[r]: https://a.b\n\nSee [r], [text][R] and [none].");
    const late = rendered("See [r], [text][R] and [none].\n\n[r]: https://a.b\n[r]: https://second.one");
    assert.equal(late.querySelector("p")?.outerHTML, early.querySelector("p")?.outerHTML);
    assert.equal(late.querySelectorAll('a[href="https://a.b/"]').length, 2);
    assert.equal(late.textContent, "See r, text and [none].");
  });

  /** @type {[text: string, formulas: [string, boolean][]][]} */
  const formulas = [
    ["$x^2$ and \\(y\\)", [["x^2", false], ["y", false]]],
    ["$$\na\n- b\n= c\n$$", [["\na\n- b\n= c\n", true]]],
    ["\\[ z \\]", [[" z ", true]]],
    ["It costs $5 and $6, $7-$8, US$9$ or $10 and 11$.", []],
    ["`$x$` and \\$y$ and $ z $", []],
    ["$$ never closed\n\n$x$", [["x", false]]],
  ];
  for (const [text, expected] of formulas) {
    it(`finds ${expected.length} formulas in ${JSON.stringify(text)}`, () => {
      const painters = new NotedPainters();
      rendered(text, [Infinity], painters);
      assert.deepEqual(painters.formulas, expected);
    });
  }
});

describe("Thinking", () => {
  for (const [begin, end] of [["<think>", "</think>"], ["[THINK]", "[/THINK]"], ["<|channel|>analysis<|message|>", "<|end|>"]]) {
    it(`between ${begin} and ${end} is folded away`, () => {
      for (const size of [1, 3, Infinity]) {
        const element = rendered(`${begin}\nHm *x*.\n${end}\n\nYes.`, [size]);
        assert.equal(element.querySelector("details em")?.textContent, "x");
        assert.equal(element.querySelector("summary")?.textContent, "Thought");
        assert.equal(element.querySelector(".markdown > .markdown-body, :scope > .markdown-body")?.textContent, "Yes.");
      }
    });
  }

  it("says how long it took, and that it goes on", () => {
    let time = 0;
    const element = document.createElement("div");
    const text = new MarkdownText(element, new NotedPainters(), () => time);
    text.append("<think>\nHm");
    assert.equal(element.querySelector("summary")?.textContent, "Thinking…");
    time = 12_300;
    text.append("</think>Yes");
    assert.equal(element.querySelector("summary")?.textContent, "Thought for 12 s");
  });

  describe("whose time the server has", () => {
    /** @param {{textContent: string | null}[]} found */
    const words = (found) => found.map(({ textContent }) => textContent);
    const summaries = (/** @type {Element} */ element) => words([...element.querySelectorAll("summary")]);

    it("says it where the text was there before the page", () => {
      const element = document.createElement("div");
      const text = new MarkdownText(element, new NotedPainters(), () => 0);
      text.tellThoughts([17_000, 3000], true);
      text.append("<think>a</think>\n<think>b</think>\n<think>c</think>Yes");
      text.finish();
      assert.deepEqual(summaries(element), ["Thought for 17 s", "Thought for 3 s", "Thought"]);
    });

    it("says it in place of what this page has counted, once the text is whole", () => {
      let time = 0;
      const element = document.createElement("div");
      const text = new MarkdownText(element, new NotedPainters(), () => time);
      text.append("<think>a");
      time = 40_000;
      text.append("</think>Yes");
      text.tellThoughts([5000], false);
      assert.deepEqual(summaries(element), ["Thought for 40 s"]);
      text.tellThoughts([17_000], true);
      assert.deepEqual(summaries(element), ["Thought for 17 s"]);
      text.tellThoughts([0], true);
      assert.deepEqual(summaries(element), ["Thought for 17 s"]);
    });

    it("says it of an answer that is rendered anew when it is continued", () => {
      const element = document.createElement("div");
      const text = new MarkdownText(element, new NotedPainters(), () => 0);
      text.tellThoughts([17_000], true);
      text.append("<think>a");
      text.finish();
      assert.deepEqual(summaries(element), ["Thought for 17 s"]);
      text.tellThoughts([17_000], false);
      text.append("b</think>Yes");
      assert.deepEqual(summaries(element), ["Thought for 17 s"]);
    });
  });

  it("that began in the prompt is folded away when it ends", () => {
    const element = rendered("Hm.\n</think>\n\nYes.");
    assert.equal(element.querySelector("details p")?.textContent, "Hm.");
    assert.equal(element.lastElementChild?.textContent, "Yes.");
  });

  it("marks in code and inside of a line are text", () => {
    assert.equal(rendered("```\n<think>\n```\nUse <think> so.").querySelector("details"), null);
  });

  it("with a mark of its end in code goes on, and the code is shown", () => {
    const element = rendered("<think>\nIt is `</think>`.\n\n```\n</think>\n```\n</think>\n\nYes.", [1]);
    assert.deepEqual([...element.querySelectorAll("details code")].map(({ textContent }) => textContent), ["</think>", "</think>"]);
    assert.equal(element.lastElementChild?.textContent, "Yes.");
  });

  it("of gpt-oss is folded, and no mark is shown", () => {
    const element = rendered("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.", [4]);
    assert.equal(element.querySelector("details p")?.textContent, "Hm.");
    assert.equal(element.lastElementChild?.textContent, "Yes.");
    assert.ok(!element.textContent?.includes("<|"));
  });

  it("about nothing leaves nothing", () => {
    assert.equal(rendered("<think>\n\n</think>\n\nYes.").querySelector("details"), null);
  });
});

describe("MarkdownText", () => {
  /** @type {HTMLElement} */
  let element;
  /** @type {MarkdownText} */
  let text;

  beforeEach(() => {
    element = document.createElement("div");
    text = new MarkdownText(element, new NotedPainters(), () => 0);
  });

  it("begins again when it is cleared", () => {
    text.append("```\none\n\n<think>");
    text.clear();
    text.append("two");
    assert.equal(element.textContent, "two");
  });

  it("has no heading more than a level below the one before it", () => {
    text.append("### Three\n\n##### Five\n\nOne\n===\n\n###### Six\n");
    assert.deepEqual([...element.querySelectorAll(".heading")].map(({ localName }) => localName), ["h2", "h3", "h2", "h3"]);
  });

  it("keeps every node that did not change", () => {
    text.append("# Head\n\nOne **two** three");
    const [heading, strong] = ["h2", "strong"].map((name) => element.querySelector(name));
    const start = element.querySelector("p")?.firstChild;
    text.append(" four\n\n- five");
    text.append("\n- six");
    assert.equal(element.querySelector("h2"), heading);
    assert.equal(element.querySelector("strong"), strong);
    assert.equal(element.querySelector("p")?.firstChild, start);
    assert.equal(element.querySelectorAll("li").length, 2);
  });

  it("shows at once what is begun in the last block, and takes it back where it was nothing", () => {
    text.append("a **bold");
    assert.equal(element.querySelector("strong")?.textContent, "bold");
    text.finish();
    assert.equal(element.textContent, "a **bold");
  });

  it("holds back what may become something else", () => {
    text.append("a\n\n```py");
    assert.equal(element.textContent, "a");
    text.append("thon\nx");
    assert.equal(element.querySelector(".code-language")?.textContent, "python");
  });
});
