import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { holds } from "./holds.js";
import { PanelsPage } from "./panels-page.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./server.js").Server} Server */

describe("Active settings at the composer", () => {
  const setUp = useChat({ viewport: { width: 1280, height: 820 } });
  /** @type {Server} */
  let server;
  /** @type {ChatPage} */
  let chat;
  /** @type {PanelsPage} */
  let panels;

  beforeEach(async () => {
    ({ server, chat } = setUp);
    panels = new PanelsPage(chat.page);
    await panels.open("chat");
    await panels.set("max_tokens", "12");
    await panels.set("system-prompt", "Be brief.");
  });

  afterEach(async () => {
    await server.forgetConversations();
  });

  /** @param {string[]} labels */
  async function chipsAre(labels) {
    await chat.page.waitFor((expected) => {
      return JSON.stringify([...document.querySelectorAll(".chip-label")].map(({ textContent }) => textContent)) === expected;
    }, JSON.stringify(labels));
  }

  /** @param {boolean} expected */
  async function asksToKeep(expected) {
    await chat.page.waitFor((wanted) => document.getElementById("chips-question")?.hidden !== wanted, expected);
  }

  it("lead to their field, and are reset one by one", async () => {
    await chipsAre(["System prompt", "Max 12 tokens"]);
    await chat.press("Close settings");
    await chat.press("Max 12 tokens");
    await chat.hasFocus("#parameter-max_tokens");
    await chat.press("Reset System prompt");
    await chipsAre(["Max 12 tokens"]);
    await holds(async () => assert.equal(await panels.value("system-prompt"), ""));
    await chat.ask("What can you do?");
    await chat.isAnswered();
    await holds(async () => assert.deepEqual((await chat.document()).settings, { params: { max_tokens: 12 } }));
    await chat.press("Reset Max 12 tokens");
    await chipsAre([]);
    assert.deepEqual(chat.complaints, []);
  });

  it("ask in the next new chat whether they shall be kept, until the answer is yes", async () => {
    await asksToKeep(false);
    await chat.ask("What can you do?");
    await chat.isAnswered();
    await chat.press("New chat");
    await chipsAre(["System prompt", "Max 12 tokens"]);
    await asksToKeep(true);
    await chat.press("Keep these settings");
    await asksToKeep(false);
    await chat.reload();
    await chipsAre(["System prompt", "Max 12 tokens"]);
    await asksToKeep(false);
  });

  it("are all reset in a new chat where the answer is no", async () => {
    await chat.ask("What can you do?");
    await chat.isAnswered();
    await chat.press("New chat");
    await chat.press("Reset these settings");
    await chipsAre([]);
    await chat.reload();
    await chipsAre([]);
    await chat.openListed("What can you do?");
    await chipsAre(["System prompt", "Max 12 tokens"]);
    await asksToKeep(false);
  });
});
