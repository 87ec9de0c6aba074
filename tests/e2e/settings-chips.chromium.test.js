import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { PanelsPage } from "./panels-page.js";
import { Server } from "./server.js";

describe("Active settings at the composer", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;
  /** @type {PanelsPage} */
  let panels;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
    panels = new PanelsPage(chat.page);
    await chat.page.setViewport({ width: 1280, height: 820 });
    await chat.open(server.address);
    await panels.open("chat");
    await panels.set("max_tokens", "12");
    await panels.set("system-prompt", "Be brief.");
  });

  afterEach(async () => {
    await chat.leave();
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
    assert.equal(await panels.value("system-prompt"), "");
    await chat.ask("What can you do?");
    await chat.isAnswered();
    assert.deepEqual((await chat.document()).settings, { params: { max_tokens: 12 } });
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
