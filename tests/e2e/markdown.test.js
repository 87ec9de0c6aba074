import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { AnswerPage } from "./answer-page.js";
import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { HOSTILE_TEXTS } from "./hostile-texts.js";
import { Server } from "./server.js";

/** The longest time that the page may not react, in milliseconds: far more than it takes, for machines that are slow and busy. */
const FREEZE_MS = 30_000;

const TEXTS = {
  "code.md": "```python\ndef f():\n    return 1\n```\n\nand `x`.",
  "rtl.md": "- [ ] مرحبا\n- [x] سلام\n\n1. واحد\n2. اثنان\n\n> اقتباس\n>\n> - بند\n\n| الاسم | القيمة |\n|---|---|\n| أ | ١ |\n",
  "further.md": "```zig\nconst x = 1;\n```\n\n```math\n\\ce{2H2 + O2 -> 2H2O}\n```\n\nIn &Dcaron;.",
  "image.md": "![A frog](https://example.com/frog.png) and [a link](https://example.com/).",
  "math.md": "The sum $\\sum_i x_i$ costs $5.",
  "long.md": Array.from({ length: 200 }, (_, index) => `Paragraph ${index} with **some** words.\n\n`).join(""),
};

describe("Markdown on the page", () => {
  /** @type {Server | undefined} */
  let server;
  /** @type {Browser | undefined} */
  let browser;
  /** @type {ChatPage} */
  let chat;
  /** @type {AnswerPage} */
  let answer;

  before(async () => {
    server = await Server.startReciting(TEXTS);
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    assert.ok(browser && server);
    chat = new ChatPage(await browser.newPage());
    answer = new AnswerPage(chat.page);
    await chat.open(server.address);
    await answer.watch();
  });

  afterEach(async () => {
    await chat.leave();
  });

  /** @param {string} name of a text */
  async function recite(name) {
    await chat.ask(name);
    await chat.isAnswered();
    await chat.isIdle();
  }

  /** @returns {Promise<string>} what the last answer's button puts on the clipboard, which a test may not read everywhere */
  async function copied() {
    await chat.page.evaluate(() => {
      Object.assign(window, { copied: "" });
      const writeText = async (/** @type {string} */ text) => void Object.assign(window, { copied: text });
      Object.defineProperty(navigator, "clipboard", { value: { writeText } });
    });
    await chat.chooseLast("Copy as plain text");
    await chat.page.waitFor(() => /** @type {any} */ (window).copied !== "");
    return await chat.page.evaluate(() => /** @type {any} */ (window).copied);
  }

  for (const [name, text] of Object.entries(HOSTILE_TEXTS)) {
    it(`survives ${name}: nothing runs, nothing leaves the page, nothing freezes`, async () => {
      await answer.show(text);
      const seen = await answer.seen();
      assert.deepEqual(seen.attacks, []);
      assert.deepEqual(seen.violations, []);
      assert.ok(seen.longest < FREEZE_MS, `the page did not react for ${seen.longest} ms`);
      assert.deepEqual((await answer.requested()).filter((url) => !url.startsWith(server?.address ?? "")), []);
      assert.deepEqual(chat.complaints, []);
      assert.equal(await chat.overhang(), 0);
    });
  }

  it("underlines links, but not the chip of an image", async () => {
    await recite("image.md");
    const lines = await chat.page.$$eval(".answer-text a", (links) => links.map((link) => getComputedStyle(link).textDecorationLine));
    assert.deepEqual(lines, ["none", "underline"]);
  });

  it("colours code", async () => {
    await recite("code.md");
    await chat.page.waitForSelector(".code-box .hljs-keyword");
    await holds(async () => assert.match(await chat.lastAnswer(), /def f\(\):\n {4}return 1/));
    assert.deepEqual(chat.complaints, []);
  });

  it("makes formulas and leaves prices, and obeys the security policy in it", async () => {
    await recite("math.md");
    await chat.page.waitForSelector(".math .katex");
    await holds(async () => assert.match(await chat.lastAnswer(), /costs \$5\.$/));
    await holds(async () => assert.equal(await copied(), "The sum \\sum_i x_i costs $5."));
    const { violations } = await answer.seen();
    assert.deepEqual([violations, chat.complaints], [[], []]);
  });

  it("colours further languages, sets chemistry and knows all names of characters", async () => {
    await recite("further.md");
    await chat.page.waitForSelector(".code-box .hljs-keyword");
    await chat.page.waitForSelector(".math-display .katex");
    await chat.page.waitFor(() => document.querySelector(".answer-text")?.textContent?.endsWith("In Ď."));
    const { violations } = await answer.seen();
    assert.deepEqual([violations, chat.complaints], [[], []]);
  });

  it("loads neither colours nor formulas before there are any", async () => {
    await recite("long.md");
    const requested = await answer.requested();
    assert.ok(requested.some((url) => url.endsWith("/app.js")));
    assert.deepEqual(requested.filter((url) => /vendor|highlight-worker/.test(url)), []);
  });

  it("copies all of a long answer as plain text, also what is out of view", async () => {
    await recite("long.md");
    await holds(async () => assert.equal(await copied(), Array.from({ length: 200 }, (_, index) => `Paragraph ${index} with some words.`).join("\n\n")));
  });

  it("lets what is selected stay selected while the answer goes on", async () => {
    const kept = await chat.page.evaluate(async () => {
      const address = "/static/rendering/markdown-text.js";
      const { MarkdownText } = await import(address);
      const element = document.createElement("div");
      document.getElementById("viewport")?.append(element);
      const text = new MarkdownText(element);
      text.append("First block.\n\nThe last one, **which** grows");
      getSelection()?.selectAllChildren(element);
      const selected = () => getSelection()?.toString().trim().replace(/\s+/g, " ");
      const before = selected();
      for (const piece of [" and", " **grows**", "\n\n- and", " goes on\n- to the end"]) text.append(piece);
      return [before, selected()?.startsWith(before ?? "?")];
    });
    assert.deepEqual(kept, ["First block. The last one, which grows", true]);
  });

  it("shows lists, quotations and tables in the direction of their text, with nothing over anything else", async () => {
    await recite("rtl.md");
    const shown = await chat.page.evaluate(() => {
      const answer = /** @type {HTMLElement} */ (document.querySelector(".answer-text"));
      const blocks = [...answer.querySelectorAll("ul, ol, blockquote, table, li > p")];
      const directions = blocks.map((block) => `${block.localName} ${getComputedStyle(block).direction}`);
      const boxes = [...answer.querySelectorAll(".task")].map((item) => {
        const text = document.createRange();
        text.selectNodeContents(/** @type {Node} */ (item.querySelector("p")?.lastChild));
        return /** @type {Element} */ (item.querySelector("input")).getBoundingClientRect().left >= text.getBoundingClientRect().right;
      });
      const [first, second] = answer.querySelectorAll("th");
      const isFirstRight = (first?.getBoundingClientRect().left ?? 0) > (second?.getBoundingClientRect().left ?? 0);
      return { directions: [...new Set(directions)].sort(), boxes, isFirstRight };
    });
    const directions = ["blockquote rtl", "li > p rtl", "ol rtl", "table rtl", "ul rtl"].map((each) => each.replace("li > ", ""));
    assert.deepEqual(shown, { directions: directions.sort(), boxes: [true, true], isFirstRight: true });
  });

  it("does not move what is being read", async () => {
    await chat.page.setViewport({ width: 600, height: 400 });
    await recite("long.md");
    await chat.page.$eval("#viewport", (viewport) => viewport.scrollTo(0, 300));
    await chat.page.waitForSelector("#to-end:not([hidden])");
    const place = () => chat.page.$eval(".answer-text p:nth-of-type(8)", (block) => block.getBoundingClientRect().top);
    const before = await place();
    await chat.page.evaluate(async () => {
      const address = "/static/rendering/markdown-text.js";
      const { MarkdownText } = await import(address);
      const more = document.createElement("div");
      document.querySelector(".answer-text")?.append(more);
      const text = new MarkdownText(more);
      for (let count = 0; count < 30; count += 1) {
        text.append(`- more ${count}\n`);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    });
    assert.equal(await place(), before);
  });
});
