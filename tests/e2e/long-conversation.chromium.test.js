import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { importLong } from "./long-conversation.js";
import { Server } from "./server.js";

const MESSAGES = 500;
const ANSWER = [
  "Here is **some** text with `code`, as long as answers are, so that it has a few lines on the page and more.",
  "- one\n- two\n- three",
  "```python\ndef double(x):\n    return 2 * x\n```",
  "| a | b |\n|---|---|\n| 1 | 2 |",
].join("\n\n");

describe("A conversation of 500 messages", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
    chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport({ width: 1180, height: 780 });
    await importLong(server, { id: "long", title: "A long one", messages: MESSAGES, answer: `${ANSWER}\n\n${ANSWER}` });
    await chat.open(server.address);
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  it("opens at its end, with all of its text", async (t) => {
    const devtools = await chat.page.devtools.createCDPSession();
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    const before = await busyMs(devtools);
    await chat.openListed("A long one");
    await chat.hasAnswers(MESSAGES / 2);
    await chat.page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 0))));
    t.diagnostic(`The browser's main thread was busy for ${Math.round((await busyMs(devtools)) - before)} ms`);
    await holds(async () => assert.ok((await chat.answers()).every((text) => text.includes("as long as answers are"))));
    await chat.page.waitFor(() => document.querySelectorAll(".message:has(.actions button)").length >= 4);
    await chat.page.waitFor(() => {
      const viewport = document.getElementById("viewport");
      return viewport && viewport.scrollHeight - viewport.clientHeight - viewport.scrollTop < 2;
    });
    assert.deepEqual(chat.complaints, []);
  });

  it("renders the rest in the pauses between frames, without moving what is seen", async () => {
    await chat.page.waitFor((count) => document.querySelectorAll(".message:has(.actions button)").length === count, MESSAGES);
    const { texts, isAtEnd } = await chat.page.evaluate(() => {
      const viewport = /** @type {HTMLElement} */ (document.getElementById("viewport"));
      return {
        texts: [...document.querySelectorAll(".answer-text")].map(({ textContent }) => textContent ?? ""),
        isAtEnd: viewport.scrollHeight - viewport.clientHeight - viewport.scrollTop < 2,
      };
    });
    assert.ok(isAtEnd);
    assert.deepEqual(texts.filter((text) => text.includes("**") || text.includes("|---|")), []);
  });

  it("shows the beginning when the reader comes there", async () => {
    await chat.page.$eval("#viewport", (viewport) => viewport.scrollTo(0, 0));
    await chat.page.waitForSelector(".message:nth-child(2) .actions button");
    await chat.page.waitForSelector("#to-end:not([hidden])");
    await chat.press("Go to the end");
    await chat.page.waitForSelector("#to-end[hidden]");
  });

  it("opens at a message near its beginning that was searched for", async () => {
    await chat.press("New chat");
    await chat.page.type("#search", "number 14");
    await chat.page.waitForSelector(".row-snippet mark");
    await chat.openListed("A long one");
    await chat.page.waitFor(() => /What about number 14\d?\?/.test(document.activeElement?.textContent ?? ""));
    const top = await chat.page.evaluate(() => document.activeElement?.getBoundingClientRect().top ?? NaN);
    assert.ok(top > 0 && top < 780, `it stands at ${top}`);
    await chat.hasAnswers(MESSAGES / 2);
  });
});

/**
 * @param {import("puppeteer-core").CDPSession} devtools
 * @returns {Promise<number>} how long the main thread has computed, in milliseconds of its own time
 */
async function busyMs(devtools) {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN) * 1000;
}
