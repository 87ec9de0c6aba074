import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { Server } from "./server.js";

describe("An unknown address", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  it("is a page in the chosen theme that leads to the chat", async () => {
    const chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport({ width: 320, height: 640 });
    await chat.page.goto(`${server.address}/nowhere`);
    await chat.page.evaluate(() => localStorage.setItem("streamui.appearance.v1", '{"theme":"dark","textSize":150}'));
    await chat.page.reload();
    const seen = await chat.page.evaluate(() => {
      const { backgroundColor } = getComputedStyle(document.documentElement);
      return { title: document.title, ground: backgroundColor, width: document.documentElement.scrollWidth };
    });
    assert.deepEqual(seen, { title: "Page not found · StreamUI", ground: "rgb(19, 22, 23)", width: 320 });
    await chat.page.$eval("a.button", (link) => link.click());
    await chat.connected();
    await holds(async () => assert.equal(new URL(await chat.page.url()).pathname, "/"));
    await chat.leave();
  });

  it("of a conversation is told by the chat", async () => {
    const chat = new ChatPage(await browser.newPage());
    await chat.open(`${server.address}/c/unknown`);
    await chat.page.waitFor(() => document.getElementById("trouble-title")?.textContent === "Conversation not found");
    await chat.leave();
  });
});
