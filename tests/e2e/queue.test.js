import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { holds } from "./holds.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./server.js").Server} Server */

const STEP_MS = 100;
const STORY = "Write a long story in ten chapters";

describe("Messages that are written while an answer is", () => {
  const setUp = useChat({ server: { stepMs: STEP_MS } });
  /** @type {Server} */
  let server;
  /** @type {ChatPage} */
  let chat;

  beforeEach(() => {
    ({ server, chat } = setUp);
    server.takeTime();
  });

  afterEach(async () => {
    await server.forgetConversations();
  });

  /** @param {ChatPage} page @param {string[]} texts */
  async function queueSays(page, texts) {
    await page.page.waitFor((expected) => {
      return JSON.stringify([...document.querySelectorAll(".queued-words")].map(({ textContent }) => textContent)) === expected;
    }, JSON.stringify(texts));
  }

  it("wait in a row above the input, survive a reload, and are sent once after Stop, though two tabs have them", async () => {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(10);
    await chat.page.waitDuring(
      () => chat.ask("Who are you?"),
      () => document.getElementById("announcer")?.textContent?.includes("It will be sent when this answer ends"),
    );
    await queueSays(chat, ["Who are you?"]);
    await holds(async () => assert.equal(await chat.draft(), ""));
    await chat.reload();
    await queueSays(chat, ["Who are you?"]);
    const other = await chat.openBeside();
    await queueSays(other, ["Who are you?"]);
    await other.press("Stop");
    await queueSays(other, []);
    server.hurry();
    for (const each of [other, chat]) {
      await each.page.bringToFront();
      await each.questionsAre([STORY, "Who are you?"]);
      await each.isAnswered();
      await queueSays(each, []);
    }
    const { messages } = await chat.document();
    assert.deepEqual(messages.map((/** @type {any} */ { role, state }) => `${role} ${state}`), [
      "user done", "assistant stopped", "user done", "assistant done",
    ]);
  });

  it("can be edited and removed, and go in their order", async () => {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(10);
    for (const text of ["One?", "Two?", "Three?"]) await chat.ask(text);
    await queueSays(chat, ["One?", "Two?", "Three?"]);
    await chat.press("Remove “Two?”");
    await queueSays(chat, ["One?", "Three?"]);
    await chat.hasFocus("#composer-input");
    await chat.press("Edit “One?”");
    await queueSays(chat, ["Three?"]);
    await holds(async () => assert.equal(await chat.draft(), "One?"));
    await chat.write(" And why?");
    await chat.press("Queue");
    await queueSays(chat, ["Three?", "One? And why?"]);
    server.hurry();
    await chat.questionsAre([STORY, "Three?", "One? And why?"]);
    await chat.isAnswered();
    assert.deepEqual(chat.complaints, []);
  });

  it("are sent in their chat while another one is open", async () => {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(10);
    await chat.ask("Who are you?");
    await queueSays(chat, ["Who are you?"]);
    await chat.press("New chat");
    await queueSays(chat, []);
    server.hurry();
    await chat.openListed(STORY);
    await chat.questionsAre([STORY, "Who are you?"]);
    await chat.isAnswered();
  });
});
