import assert from "node:assert/strict";
import { after, before, beforeEach, afterEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { openCompared } from "./comparison-page.js";
import { holds } from "./holds.js";
import { importLong } from "./long-conversation.js";
import { Server } from "./server.js";

const MESSAGES = 120;
const ANSWER = [
  "<think>A thought that is folded.</think>",
  "Here is **some** text with `code` and $x^2$.",
  "- [x] one\n- [ ] two",
  `\`\`\`python\nvalue = "${"long ".repeat(60)}"\n\`\`\``,
  `| a | ${"wide ".repeat(30)} |\n|---|---|\n| 1 | 2 |`,
].join("\n\n");
/** What may not be on paper. */
const SCREEN_ONLY = [".sidebar", ".header", ".footer", ".toasts", ".actions", ".offers", ".message-time", ".code-copy", ".thinking"].join();

describe("A printed conversation", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start({ theme: "dark" });
    await importLong(server, { id: "long", title: "A long one", messages: MESSAGES, answer: ANSWER });
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
    await chat.open(`${server.address}/c/long`);
    await chat.page.waitForSelector(".message");
  });

  afterEach(async () => {
    await chat.leave();
  });

  it("has every message, rendered, however soon it is printed", async () => {
    // Nothing is rendered in pauses between frames, as on a machine that has none.
    await chat.page.evaluate(() => void Object.assign(window, { requestIdleCallback: () => 0 }));
    const file = Buffer.from(await chat.page.devtools.pdf()).toString("latin1");
    const pages = file.match(/\/Type\s*\/Page\b(?!s)/g)?.length ?? 0;
    assert.ok(pages > MESSAGES / 12, `${pages} pages`);
    const texts = await chat.answers();
    assert.equal(texts.length, MESSAGES / 2);
    assert.deepEqual(texts.filter((text) => text.includes("**") || text.includes("|---|") || text.includes("```")), []);
  });

  it("is the messages alone, in black on white, each whole", async () => {
    await chat.page.devtools.emulateMediaType("print");
    await chat.hasAnswers(MESSAGES / 2);
    await chat.page.waitFor(() => document.querySelectorAll(".message:not(:has(.actions button))").length === 0);
    const seen = await chat.page.evaluate((screenOnly) => {
      const style = (/** @type {string} */ selector) => getComputedStyle(/** @type {Element} */ (document.querySelector(selector)));
      const width = document.documentElement.clientWidth;
      const isWide = (/** @type {Element} */ each) => each.getBoundingClientRect().right > width + 1;
      return {
        screenOnly: [...document.querySelectorAll(screenOnly)].filter((each) => each.checkVisibility()).map(({ className }) => className),
        colours: [style("body").color, style(".answer-text > .markdown-body p").color, style(".prompt").color],
        ground: [style("html").backgroundColor, style("body").backgroundColor, style(".prompt").backgroundColor, style(".code-box").backgroundColor],
        skipped: [...document.querySelectorAll(".message, .is-full")].filter((each) => getComputedStyle(each).contentVisibility === "auto").length,
        clipped: ["html", "body", "#main", "#viewport"].filter((each) => style(each).overflow !== "visible"),
        wrapped: style(".markdown pre").whiteSpace,
        wide: [...document.querySelectorAll("pre, table, p")].filter(isWide).length,
      };
    }, SCREEN_ONLY);
    const [black, clear] = ["rgb(0, 0, 0)", "rgba(0, 0, 0, 0)"];
    assert.deepEqual(seen, {
      screenOnly: [],
      colours: [black, black, black],
      ground: [clear, clear, clear, clear],
      skipped: 0,
      clipped: [],
      wrapped: "pre-wrap",
      wide: 0,
    });
  });

  it("has a thought where that is unfolded", async () => {
    await chat.page.waitForSelector(".message:last-child .thinking");
    await chat.page.$eval(".message:last-child .thinking", (thinking) => /** @type {HTMLDetailsElement} */ (thinking).open = true);
    await chat.page.devtools.emulateMediaType("print");
    const shown = await chat.page.$$eval(".thinking", (thoughts) => thoughts.filter((each) => each.checkVisibility()).length);
    assert.equal(shown, 1);
  });

  it("has answers that are compared beside each other, each below its whole label", async () => {
    const answers = ["One", "A label that is much too long for the width of its column on the screen", "Three"].map((label) => ({ label, content: ANSWER }));
    await openCompared(chat, { id: "compared", title: "Compared", answers });
    await chat.page.setViewport({ width: 390, height: 780 });
    await chat.page.devtools.emulateMediaType("print");
    const seen = await chat.page.evaluate(() => {
      const boxes = (/** @type {string} */ selector) => [...document.querySelectorAll(selector)].map((each) => each.getBoundingClientRect());
      const columns = boxes(".comparison-column");
      const isAbove = (/** @type {DOMRect} */ { left, right }, /** @type {number} */ at) => Math.abs(left - (columns[at]?.left ?? 0)) < 2 && Math.abs(right - (columns[at]?.right ?? 0)) < 2;
      return {
        columns: columns.filter(({ left, right }) => left >= 0 && right <= innerWidth + 1).length,
        labels: boxes(".comparison-tab").filter(isAbove).length,
        tables: boxes(".comparison table").filter(({ right }, at) => right > (columns[at]?.right ?? 0)).length,
        cut: [...document.querySelectorAll(".comparison-label")].filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).length,
        buttons: [...document.querySelectorAll(".comparison button:not(.comparison-tab)")].filter((button) => button.checkVisibility()).length,
      };
    });
    assert.deepEqual(seen, { columns: 3, labels: 3, tables: 0, cut: 0, buttons: 0 });
  });

  it("is back as it was on the screen afterwards", async () => {
    await chat.page.devtools.pdf();
    await holds(async () => assert.equal(await chat.page.$eval("#viewport", (viewport) => getComputedStyle(viewport).overflowY), "auto"));
    assert.deepEqual(chat.complaints, []);
  });
});
