import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { ComposerPage } from "./composer-page.js";
import { Server } from "./server.js";

/** How much slower the processor is made, to see for how long a paste holds the page. */
const THROTTLE = 4;

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
    composer = new ComposerPage(chat.page.devtools);
    await chat.page.setViewport({ width: 1180, height: 820 });
    await chat.open(server.address);
  });

  afterEach(async () => {
    await chat.leave();
  });

  it("keeps a draft over a reload, and none that was sent", async () => {
    await chat.write("And then?");
    await chat.reload();
    await chat.page.devtools.waitForFunction(() => /** @type {any} */ (document.getElementById("composer-input")).value === "And then?");
    await chat.page.devtools.focus("#composer-input");
    await chat.page.devtools.keyboard.press("Enter");
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

  it("takes a file that is pasted, and one that is chosen by keys", async () => {
    await chat.page.devtools.focus("#attach-button");
    const opened = chat.page.devtools.waitForFileChooser();
    await chat.draft(); // By then the browser hands its file choosers to the test.
    await chat.page.devtools.keyboard.press("Enter");
    const chooser = await opened;
    assert.equal(chooser.isMultiple(), true);
    await chooser.cancel();
    await composer.pasteFile({ name: "log.txt", content: "an error" });
    await chat.page.devtools.waitForFunction(() => /** @type {any} */ (document.getElementById("composer-input")).value.includes("an error"));
  });

  it("says that a file is larger than a message can be", async () => {
    await composer.drop([{ name: "huge.log", content: "x".repeat(1_100_000) }]);
    await composer.says("huge.log has 1 MiB, and the message has room for");
    assert.equal(await chat.draft(), "");
  });

  it("is not held up by 20,000 pasted lines, sends them, and keeps them over a reload until then", async (test) => {
    await chat.page.devtools.emulateCPUThrottling(THROTTLE);
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`).join("\n");
    const took = await composer.pasteText(lines);
    test.diagnostic(`with the processor ${THROTTLE} times slower the paste took ${took} ms`);
    assert.equal(await chat.draft(), "");
    assert.match(await composer.held(), /Pasted text.*20,000 lines/);
    await chat.page.devtools.emulateCPUThrottling(1);
    await chat.write("Which line is the last?");
    await chat.reload();
    await chat.page.devtools.waitForSelector(".held");
    assert.equal(await chat.draft(), "Which line is the last?");
    await chat.page.devtools.focus("#composer-input");
    await chat.page.devtools.keyboard.press("Enter");
    await chat.lastStatusSays("Failed: ");
    assert.equal(await composer.heldCount(), 0);
  });

  it("shows what fills a message, and that it is too long", async () => {
    await composer.pasteText("x".repeat(900_000));
    await composer.says("878 KiB of");
    await composer.pasteText("y".repeat(900_000));
    await composer.says("Too long to be sent: 1.7 MiB");
  });
});

describe("Without a server", () => {
  it("a page of ours says so, and makes way for the chat when it is back", async () => {
    const server = await Server.start();
    const browser = await Browser.start();
    try {
      const page = (await browser.newPage()).devtools;
      await page.goto(server.address);
      await page.evaluate(async () => {
        const { active } = await navigator.serviceWorker.ready;
        if (active?.state === "activated") return;
        await new Promise((resolve) => active?.addEventListener("statechange", resolve));
      });
      const kept = await page.evaluate(async () => {
        const names = await caches.keys();
        const requests = await Promise.all(names.map(async (name) => await (await caches.open(name)).keys()));
        return requests.flat().map(({ url }) => new URL(url).pathname);
      });
      assert.ok(kept.length > 0 && kept.every((path) => path.startsWith("/static/")), kept.join(" "));
      await server.kill();
      await page.reload();
      await page.waitForFunction(() => document.title === "StreamUI is not reachable");
      await page.waitForFunction(() => getComputedStyle(/** @type {Element} */ (document.querySelector("#retry"))).cursor === "pointer");
      await server.restart("SIGKILL");
      await page.waitForSelector('#connection[data-state="connected"]');
    } finally {
      await browser.stop();
      await server.stop();
    }
  });
});
