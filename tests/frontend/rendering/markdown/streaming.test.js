/** Whatever pieces a text comes in, it ends up the same; and no piece costs more because much came before it. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { MarkdownText } from "../../../../frontend/rendering/markdown-text.js";
import { NotedPainters, installDocument, removeDocument, rendered } from "../rendered.js";

before(installDocument);
after(removeDocument);

const BITS = [
  "# ", "## h", "- ", "* ", "1. ", "2) ", "> ", ">", "```", "```js", "~~~", "`", "``", "**", "*", "_", "__", "~~", "[", "]",
  "(", ")", "](http://a.b/c)", "[^1]", "[^1]: ", "[ref]: http://x.y", "[ref]", "![", "|", "| a | b |", "|---|---|", "|:-|-:|",
  "---", "===", "-", "=", "\n", "\n", "\n", "\n\n", "\n\n", "  ", "    ", "\t", " ", " ", "word", "text ", "a", "5", "$", "$$",
  "$x^2$", "\\(", "\\)", "\\[", "\\]", "\\", "<", "<br>", "<b>", "http://a.b/c_d", "www.x.y", "&amp;", "&", "é", "🙂", "<think>",
  "</think>", "\n<think>\n", "\n</think>\n", "[THINK]", "[x] ", "[ ] ", "\r\n", ":", "!", "h", "w", "\r", "\\begin{align}",
  "\\end{align}", "\n$$\n", "\n\\[\n", "```markdown\n", "[^a]: ", "[^a]", "&ouml;", "&nosuch;", "a@b.cd", "@", "：", "（", "）。", "中文",
  "https://a.b/", '"t"', " 'u\n", "<", ">", "~",
];
/** All of Unicode's white space, and what JavaScript counts as such. */
const WHITE = [..."\t\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"];
/** How many random texts each test tries; `make fuzz` tries 50,000. */
const COUNT = Number(process.env.STREAMING_TEXTS ?? 150);

/** @param {number} seed */
function generator(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

describe("A text that comes in pieces", () => {
  it("ends up as the one that comes at once", () => {
    const random = generator(2026);
    for (let count = 0; count < COUNT; count += 1) {
      const text = randomText(random);
      const whole = rendered(text).innerHTML;
      const sizes = Array.from({ length: 7 }, () => 1 + random(9));
      for (const pieces of [[1], sizes]) assert.equal(rendered(text, pieces).innerHTML, whole, JSON.stringify([text, pieces]));
    }
  });

  it("goes on behind each end as if there had been none", () => {
    const random = generator(7);
    for (let count = 0; count < COUNT; count += 1) {
      const text = randomText(random);
      const cuts = [random(text.length + 1), random(text.length + 1)].sort((one, other) => one - other);
      assert.equal(grown(text, cuts).innerHTML, rendered(text).innerHTML, JSON.stringify([text, cuts]));
    }
  });

  it("loses no character", () => {
    const random = generator(99);
    for (let count = 0; count < COUNT; count += 1) {
      const text = Array.from({ length: 1 + random(12) }, () => [...WHITE, "a", "b", "- ", "> ", "\n"][random(WHITE.length + 5)]).join("");
      const shown = rendered(text, [1]).textContent;
      for (const character of new Set(text)) {
        if (/[\t\n\r >-]/.test(character)) continue;
        assert.equal(countOf(shown, character), countOf(text, character), JSON.stringify([text, shown]));
      }
    }
  });

  /** @type {Record<string, (count: number) => string>} */
  const endless = {
    "one block of code": (count) => `\`\`\`js\n${"let x = 1; // and so on\n".repeat(count)}`,
    "one line of code": (count) => `\`\`\`\n${"let x = 1; // and so on ".repeat(count)}`,
    "one paragraph": (count) => "some *more* words `here` ".repeat(count),
    "one list": (count) => "- an item with **words**\n".repeat(count),
    "one table": (count) => `| a | b |\n|---|---|\n${"| some | more words |\n".repeat(count)}`,
    "one quotation": (count) => "> a line of it, and more\n".repeat(count),
    "one quotation of many blocks": (count) => "> a line of it, and more\n>\n".repeat(count),
    "one item of many items": (count) => `- outer\n${"  - an item with **words**\n".repeat(count)}`,
    "many blocks": (count) => "A paragraph of words.\n\n".repeat(count),
    "one line that could be anything": (count) => "------------------------".repeat(count),
  };
  for (const [what, make] of Object.entries(endless)) {
    it(`touches no more nodes late than early: ${what}`, () => {
      const text = make(2000);
      const element = document.createElement("div");
      const markdown = new MarkdownText(element, new NotedPainters(), () => 0);
      const touched = [];
      for (let at = 0; at < text.length; at += 20) touched.push(changes(() => markdown.append(text.slice(at, at + 20))));
      const third = Math.floor(touched.length / 3);
      const [early, late] = [sum(touched.slice(0, third)), sum(touched.slice(-third))];
      assert.ok(late <= early * 1.5 + 100, `${early} nodes were touched in the first third, ${late} in the last`);
    });

    it(`leaves the browser no more to look at, however long it gets: ${what}`, () => {
      const [early, late] = [2000, 8000].map((count) => looked(rendered(make(count), [2000])));
      assert.ok(late && early && late.elements <= early.elements * 1.5 + 100, `${early?.elements} elements, then ${late?.elements}`);
      assert.ok(late.text <= early.text * 1.5 + 5000, `${early.text} characters, then ${late.text}`);
    });
  }
});

/** @param {(below: number) => number} random */
function randomText(random) {
  const white = Array.from({ length: 2 }, () => WHITE[random(WHITE.length)] ?? "");
  return Array.from({ length: 1 + random(40) }, () => [...BITS, ...white][random(BITS.length + 2)]).join("");
}

/**
 * @param {string} text
 * @param {number[]} cuts where it is finished, and then grows again
 */
function grown(text, cuts) {
  const element = document.createElement("div");
  const markdown = new MarkdownText(element, new NotedPainters(), () => 0);
  for (const [index, end] of [...cuts, text.length].entries()) {
    markdown.append(text.slice(cuts[index - 1] ?? 0, end));
    markdown.finish();
  }
  return element;
}

/**
 * @param {string | null} text
 * @param {string} character
 */
function countOf(text, character) {
  return (text ?? "").split(character).length - 1;
}

/**
 * @param {HTMLElement} answer
 * @returns {{elements: number, text: number}} how many elements and characters are not in what is full, which is skipped out of view
 */
function looked(answer) {
  const elements = [...answer.querySelectorAll("*")].filter((each) => !each.parentElement?.closest(".is-full"));
  const full = elements.filter((each) => each.classList.contains("is-full"));
  const skipped = sum(full.map((each) => each.textContent?.length ?? 0));
  return { elements: elements.length, text: (answer.textContent?.length ?? 0) - skipped };
}

/**
 * @param {() => void} change
 * @returns {number} how many nodes were added, removed or changed
 */
function changes(change) {
  const prototype = Object.getPrototypeOf(document.createTextNode(""));
  let count = 0;
  const restore = [
    counted(prototype, "appendData", () => (count += 1)),
    counted(document, "createElement", () => (count += 1)),
    counted(document, "createTextNode", () => (count += 1)),
  ];
  change();
  for (const undo of restore) undo();
  return count;
}

/**
 * @param {any} object
 * @param {string} name of a method
 * @param {() => void} note called with each call of it
 */
function counted(object, name, note) {
  const original = object[name];
  const isOwn = Object.hasOwn(object, name);
  object[name] = function (/** @type {any[]} */ ...values) {
    note();
    return original.apply(this, values);
  };
  return () => (isOwn ? (object[name] = original) : delete object[name]);
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, each) => total + each, 0);
}
