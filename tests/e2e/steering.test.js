import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./server.js").Server} Server */

const STORY = "Write a long story in ten chapters";

describe("An answer that is steered", () => {
  const setUp = useChat({ server: { stepMs: 100 } });
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

  it("continues after the instruction, the same in every tab, after a reload and in the chat", async () => {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(10);
    await chat.write("Shorter, please.");
    await chat.press("Steer now");
    await chat.questionsAre([STORY, "Shorter, please."]);
    await chat.lastAnswerIsLongerThan(3);
    const other = await chat.openBeside();
    await other.questionsAre([STORY, "Shorter, please."]);
    await chat.page.bringToFront();
    await chat.reload();
    await chat.questionsAre([STORY, "Shorter, please."]);
    server.hurry();
    for (const each of [other, chat]) {
      await each.page.bringToFront();
      await each.isAnswered();
      await each.questionsAre([STORY, "Shorter, please."]);
    }
    const { messages } = await chat.document();
    assert.deepEqual(messages.map((/** @type {any} */ { role, state }) => `${role} ${state}`), [
      "user done", "assistant done", "user done", "assistant done",
    ]);
    assert.deepEqual((await chat.answers()).length, 2);
  });

  it("gets an instruction that the server did not have before a reload", async () => {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(10);
    await chat.page.evaluate(() => {
      const send = WebSocket.prototype.send;
      WebSocket.prototype.send = function (data) {
        if (!String(data).includes('"type":"steer"')) send.call(this, data);
      };
    });
    await chat.write("Shorter, please.");
    await chat.press("Steer now");
    await chat.questionsAre([STORY]);
    await chat.reload();
    await chat.questionsAre([STORY, "Shorter, please."]);
    server.hurry();
    await chat.isAnswered();
    await chat.questionsAre([STORY, "Shorter, please."]);
    assert.equal((await chat.answers()).length, 2);
  });
});
