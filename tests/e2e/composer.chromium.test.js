import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ComposerPage } from "./composer-page.js";
import { holds } from "./holds.js";
import { Server } from "./server.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

/** How much slower the processor is made, to see for how long a paste holds the page. */
const THROTTLE = 4;

describe("The composer, with what Chromium alone can do", () => {
  const setUp = useChat();
  /** @type {ChatPage} */
  let chat;
  /** @type {ComposerPage} */
  let composer;

  beforeEach(() => {
    ({ chat } = setUp);
    composer = new ComposerPage(chat.page);
  });

  it("lets a text file be chosen by keys", async () => {
    await chat.page.focus("#attach-button");
    const opened = chat.page.devtools.waitForFileChooser();
    await chat.draft(); // By then the browser hands its file choosers to the test.
    await chat.page.press("Enter");
    const chooser = await opened;
    assert.equal(chooser.isMultiple(), true);
    await chooser.cancel();
  });

  it("is not held up by 20,000 pasted lines", async (test) => {
    await chat.page.devtools.emulateCPUThrottling(THROTTLE);
    const took = await composer.pasteText(Array.from({ length: 20_000 }, (_, index) => `line ${index}`).join("\n"));
    test.diagnostic(`with the processor ${THROTTLE} times slower the paste took ${took} ms`);
    await composer.chipsAre(1);
    await holds(async () => assert.match((await composer.chips()).join(), /Pasted text.*20,000 lines/));
    assert.deepEqual(chat.complaints, []);
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
