import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browser.js";
import { ChatPage } from "./chat-page.js";
import { Server } from "./server.js";

describe("A server that asks for a token", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start({ auth: "token" });
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
  });

  afterEach(async () => {
    await chat.page.close();
  });

  /** @param {string} token */
  async function logIn(token) {
    await chat.page.type("#token", token);
    await Promise.all([chat.page.waitForNavigation(), chat.page.click("button[type=submit]")]);
  }

  function place() {
    return new URL(chat.page.url()).pathname;
  }

  it("shows its form, takes a right token only, and leads to a chat that answers", async () => {
    const token = await server.token("add", "alice");
    await chat.page.goto(server.address);
    assert.equal(place(), "/login");
    await logIn("sui_wrong");
    assert.equal(place(), "/login");
    assert.match(await chat.page.$eval("[role=alert]", (element) => element.textContent ?? ""), /not a token/);
    chat.complaints.length = 0; // the browser complains of the 403
    await logIn(token);
    assert.equal(place(), "/");
    await chat.connected();
    await chat.ask("Hello");
    await chat.lastAnswerIsLongerThan(1);
    assert.equal(await chat.page.evaluate(() => document.cookie), "");
    assert.deepEqual(chat.complaints, []);
  });

  it("sends the page back to the form when the token is revoked, and when it is told to log out", async () => {
    await chat.page.goto(server.address);
    await logIn(await server.token("add", "bob"));
    await chat.connected();
    await Promise.all([chat.page.waitForNavigation(), server.token("revoke", "bob")]);
    assert.equal(place(), "/login");
    await logIn(await server.token("add", "bob"));
    await chat.connected();
    await chat.page.goto(`${server.address}/logout`);
    await Promise.all([chat.page.waitForNavigation(), chat.page.click("button[type=submit]")]);
    assert.equal(place(), "/login");
    await chat.page.goto(server.address);
    assert.equal(place(), "/login");
  });
});
