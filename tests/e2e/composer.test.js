import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { ComposerPage } from "./composer-page.js";
import { Server } from "./server.js";

describe("The composer", () => {
  /** @type {Server | undefined} */
  let server;
  /** @type {Browser | undefined} */
  let browser;
  /** @type {ChatPage} */
  let chat;
  /** @type {ComposerPage} */
  let composer;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    assert.ok(browser && server);
    chat = new ChatPage(await browser.newPage());
    composer = new ComposerPage(chat.page);
    await chat.page.setViewport({ width: 1180, height: 820 });
    await chat.open(server.address);
  });

  afterEach(async () => {
    await chat.leave();
  });

  it("keeps a draft over a reload, and none that was sent", async () => {
    await chat.write("And then?");
    await chat.reload();
    await composer.draftSays("And then?");
    await composer.send();
    await chat.isAnswered();
    await chat.reload();
    assert.equal(await chat.draft(), "");
  });

  it("takes text files that are dropped, and says which it does not take", async () => {
    await chat.write("Look:");
    await composer.drop([
      { name: "one.py", content: "print(1)\n" },
      { name: "photo.png", content: "\u0089PNG\u0000" },
      { name: "two.txt", content: "two" },
    ]);
    await composer.says("photo.png is no text file");
    assert.equal(await chat.draft(), "Look:\n\none.py\n```py\nprint(1)\n```\ntwo.txt\n```txt\ntwo\n```\n");
    await chat.write("Why?");
    assert.equal(await composer.notice(), "");
    assert.deepEqual(chat.complaints, []);
  });

  it("takes a file that is pasted", async () => {
    await composer.pasteFile({ name: "log.txt", content: "an error" });
    await composer.draftSays("an error");
  });

  it("says that a file is larger than a message can be", async () => {
    await composer.drop([{ name: "huge.log", content: "x".repeat(1_100_000) }]);
    await composer.says("huge.log has 1 MiB, and the message has room for");
    assert.equal(await chat.draft(), "");
  });

  it("holds 20,000 pasted lines, sends them, and keeps them over a reload until then", async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`).join("\n");
    await composer.pasteText(lines);
    assert.equal(await chat.draft(), "");
    assert.match(await composer.held(), /Pasted text.*20,000 lines/);
    await chat.write("Which line is the last?");
    await chat.reload();
    await chat.page.waitForSelector(".held");
    assert.equal(await chat.draft(), "Which line is the last?");
    await composer.send();
    await chat.lastStatusSays("too long");
    assert.equal(await composer.heldCount(), 0);
  });

  it("shows what fills a message, and that it is too long", async () => {
    await composer.pasteText("x".repeat(900_000));
    await composer.says("878 KiB of");
    await composer.pasteText("y".repeat(900_000));
    await composer.says("Too long to be sent: 1.7 MiB");
  });
});
