import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { smallTargets } from "./geometry.js";
import { holds } from "./holds.js";
import { Server } from "./server.js";

describe("The composer on a touch device", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;

  before(async () => {
    server = await Server.start({ stepMs: 100, models: ["one", "two"] });
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(() => {
    server.hurry();
  });

  /** @param {{width: number, height: number, isMobile: boolean}} viewport */
  async function open(viewport) {
    const chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport(viewport);
    await chat.open(server.address);
    return chat;
  }

  /** @param {ChatPage} chat */
  async function composer({ page }) {
    return await page.evaluate(() => ({
      key: /** @type {HTMLTextAreaElement} */ (document.getElementById("composer-input")).enterKeyHint,
      hint: document.getElementById("composer-hint")?.textContent,
    }));
  }

  for (const [device, width] of /** @type {const} */ ([["phone", 360], ["tablet", 1024]])) {
    it(`starts a new line with Enter on a ${device}, and sends with the button or Ctrl+Enter`, async () => {
      const chat = await open({ width, height: 740, isMobile: true });
      await holds(async () => assert.deepEqual(await composer(chat), { key: "enter", hint: "" }));
      await chat.write("What can");
      await chat.page.press("Enter");
      await chat.write("you do?");
      await holds(async () => assert.equal(await chat.draft(), "What can\nyou do?"));
      await chat.press("Send");
      await chat.questionsAre(["What can\nyou do?"]);
      await chat.isAnswered();
      assert.deepEqual(await chat.page.evaluate(smallTargets), []);
      await chat.ask("Who are you?");
      await chat.questionsAre(["What can\nyou do?", "Who are you?"]);
      await chat.isAnswered();
      await chat.leave();
    });
  }

  it("queues a message with the button while an answer can be steered", async () => {
    server.takeTime();
    const chat = await open({ width: 360, height: 740, isMobile: true });
    await chat.ask("Tell me a long story");
    await chat.lastAnswerIsLongerThan(10);
    await chat.ask("Who are you?");
    await chat.page.waitFor(() => document.querySelector(".queued-words")?.textContent === "Who are you?");
    await chat.write("Shorter, please.");
    assert.deepEqual(await chat.page.evaluate(smallTargets), []);
    await chat.questionsAre(["Tell me a long story"]);
    await chat.leave();
  });

  it("sends with Enter where there is a keyboard", async () => {
    const chat = await open({ width: 1180, height: 740, isMobile: false });
    await holds(async () => assert.deepEqual(await composer(chat), { key: "send", hint: "Enter to send, Shift+Enter for a new line" }));
    await chat.write("What can you do?");
    await chat.page.press("Control+Enter");
    await chat.isAnswered();
    await chat.leave();
  });
});
