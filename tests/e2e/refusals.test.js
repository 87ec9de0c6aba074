import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { HttpProxy } from "./http-proxy.js";
import { Server } from "./server.js";

const QUESTION = "What can you do?";
const TOO_LONG = "This sentence is here to fill the whole context of the model. ".repeat(2400);

describe("A refused message", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {HttpProxy} */
  let proxy;
  /** @type {ChatPage} */
  let chat;
  /** @type {ChatPage[]} */
  let pages = [];

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    await server.forgetConversations();
    proxy = await HttpProxy.start(server.port);
    chat = await open(proxy.address);
  });

  afterEach(async () => {
    await Promise.all(pages.map((page) => page.leave()));
    pages = [];
    await proxy.stop();
  });

  /** A page in a browser of its own. @param {string} address */
  async function open(address) {
    const opened = new ChatPage(await browser.newPage());
    pages.push(opened);
    await opened.open(address);
    return opened;
  }

  async function refuse() {
    const before = await chat.page.$$eval(".prompt-text", (questions) => questions.length);
    await chat.fill(TOO_LONG);
    await chat.page.press("Enter");
    await chat.page.waitFor((count) => document.querySelectorAll(".prompt-text").length > count, before);
    await chat.isIdle();
    await chat.lastStatusSays("too long: about");
  }

  /** Gives the conversation that is open these settings, as another device may. @param {object} params */
  async function set(params) {
    const address = new URL(await chat.page.url());
    const response = await fetch(`${server.address}/api/conversations/${address.pathname.replace("/c/", "")}`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ settings: { params } }),
    });
    assert.equal(response.status, 200);
  }

  async function goOffline() {
    await chat.page.setOffline(true);
    proxy.isDown = true;
    proxy.cut();
    await chat.connectionSays("Offline");
  }

  async function goOnline() {
    proxy.isDown = false;
    await chat.page.setOffline(false);
    await chat.connected();
  }

  it("does not block the next one, in a new chat and in an old one, also after a reload", async () => {
    await refuse();
    await chat.reload();
    await chat.lastStatusSays("too long: about");
    await chat.answered(QUESTION);
    await refuse();
    await refuse();
    await chat.answered("Who are you?");
    await chat.questionsAre([TOO_LONG.trim(), QUESTION, TOO_LONG.trim(), TOO_LONG.trim(), "Who are you?"]);
    await holds(async () => assert.deepEqual((await chat.document()).messages.map((/** @type {any} */ { role }) => role), ["user", "assistant", "user", "assistant"]));
    await holds(async () => assert.deepEqual(await chat.page.$$eval(".branch-place", (places) => places.length), 0));
    assert.deepEqual(chat.complaints, []);
  });

  it("leaves nothing behind that another browser lists, and goes when it is deleted", async () => {
    await refuse();
    const other = await open(server.address);
    await other.listIsThere();
    await holds(async () => assert.deepEqual(await other.listed(), []));
    await chat.keepToasts();
    await chat.press("Delete message");
    await chat.page.waitForSelector("#welcome:not([hidden])");
    await chat.page.waitFor(() => document.querySelector(".row") === null);
    await chat.press("Undo");
    await chat.page.waitFor(() => document.querySelector(".row") !== null);
  });

  it("may be half a character, which is sent as a whole one", async () => {
    await chat.fill("What can you do? \ud83d");
    await chat.page.press("Enter");
    await chat.isAnswered();
    await chat.questionsAre(["What can you do? \ufffd"]);
    await holds(async () => assert.equal((await chat.document()).messages[0].content, "What can you do? \ufffd"));
  });

  it("for its settings can be sent again once these have changed", async () => {
    await chat.answered(QUESTION);
    await set({ json_schema: { type: "nope" } });
    await chat.reload();
    await chat.hasAnswers(1);
    await chat.ask("Who are you?");
    await chat.lastStatusSays("JSON schema");
    await holds(async () => assert.deepEqual(await chat.page.$$eval(".offers button", (offers) => offers.map(({ textContent }) => textContent)), ["Edit message", "Delete message"]));
    await set({});
    await chat.press("Try again");
    await chat.isAnswered();
    await chat.questionsAre([QUESTION, "Who are you?"]);
  });

  it("was stopped without a network, and the next one is sent when it is back", async () => {
    await chat.answered(QUESTION);
    await goOffline();
    await chat.ask("Never mind");
    await chat.lastStatusSays("Will send when reconnected");
    await chat.press("Stop");
    await chat.lastStatusSays("Not sent");
    await chat.ask("Who are you?");
    await goOnline();
    await chat.isAnswered();
    await chat.questionsAre([QUESTION, "Never mind", "Who are you?"]);
    await holds(async () => assert.equal((await chat.document()).messages.length, 4));
  });

  it("moves up where the message above it was deleted elsewhere", async () => {
    await chat.answered(QUESTION);
    await chat.answered("Who are you?");
    const { id, messages } = await chat.document();
    await goOffline();
    await chat.ask("And then?");
    await fetch(`${server.address}/api/conversations/${id}/messages/${messages[2].id}`, { method: "DELETE" });
    await goOnline();
    await chat.questionsAre([QUESTION, "And then?"]);
    await chat.isAnswered();
    await holds(async () => assert.equal((await chat.document()).messages[2].parent, messages[1].id));
  });

  it("can be sent in a new chat where its own was deleted elsewhere", async () => {
    await chat.answered(QUESTION);
    const { id } = await chat.document();
    await goOffline();
    await chat.ask("And then?");
    await fetch(`${server.address}/api/conversations/${id}`, { method: "DELETE" });
    await goOnline();
    await chat.lastStatusSays("This chat was deleted");
    await chat.press("Send in a new chat");
    await chat.isAnswered();
    await chat.questionsAre(["And then?"]);
    assert.notEqual((await chat.document()).id, id);
  });
});
