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
});
