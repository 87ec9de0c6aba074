import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { holds } from "./holds.js";
import { PanelsPage } from "./panels-page.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./server.js").Server} Server */

const LIMIT = 80;

describe("Settings that change while an answer is written", () => {
  const setUp = useChat({ server: { stepMs: 50 } });
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

  it("apply to the rest of it, and near its limit it can be made longer", async () => {
    const panels = new PanelsPage(chat.page);
    await panels.open("chat");
    await panels.set("max_tokens", String(LIMIT));
    await chat.ask("Write a long story in ten chapters");
    await chat.lastAnswerIsLongerThan(10);
    await panels.set("temperature", "0.9");
    await chat.lastStatusSays("new settings");
    await chat.press("Longer");
    await chat.reload();
    await chat.lastStatusSays("new settings");
    server.hurry();
    await chat.isAnswered();
    await holds(async () => {
      const { messages } = await chat.document();
      const { usage, state } = messages.at(-1);
      assert.equal(state, "done");
      assert.ok(usage.completion_tokens > LIMIT || messages.at(-1).reason === "stop");
    });
  });
});
