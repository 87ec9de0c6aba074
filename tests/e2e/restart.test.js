import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { HttpProxy } from "./http-proxy.js";
import { readLog } from "./log-reader.js";
import { Server } from "./server.js";

const PLACES = [
  { way: "a WebSocket", says: "Connected", refusals: {} },
  { way: "HTTP streaming", says: "Connected through HTTP streaming", refusals: { refusesUpgrades: true } },
  { way: "HTTP polling", says: "Connected through HTTP polling", refusals: { refusesUpgrades: true, refusesStreams: true } },
];

for (const { way, says, refusals } of PLACES) {
  describe(`Over ${way}, a server that restarts in the middle of an answer`, () => {
    /** @type {Server} */
    let server;
    /** @type {HttpProxy} */
    let proxy;
    /** @type {Browser} */
    let browser;
    /** @type {ChatPage} */
    let chat;

    before(async () => {
      browser = await Browser.start();
    });

    after(async () => {
      await browser?.stop();
    });

    beforeEach(async () => {
      server = await Server.start({ stepMs: 60 });
      proxy = Object.assign(await HttpProxy.start(server.port), refusals);
      chat = new ChatPage(await browser.newPage());
      await chat.open(proxy.address);
      await chat.ask("Write a long story in ten chapters");
      await chat.lastAnswerIsLongerThan(100);
    });

    afterEach(async () => {
      await chat.leave();
      await proxy.stop();
      await server.stop();
    });

    for (const signal of /** @type {const} */ (["SIGKILL", "SIGTERM"])) {
      it(`after ${signal} goes on with it: nothing that was shown changes, and Stop stops it, also after a reload`, async () => {
        const shown = await chat.lastAnswer();
        await server.restart(signal);
        await chat.connected();
        await chat.lastAnswerIsLongerThan((await chat.lastAnswer()).length + 50);
        await chat.reload();
        await chat.press("Stop");
        await chat.lastStatusSays("Stopped");
        const [id = ""] = await chat.generations();
        const log = await readLog(server.address, id);
        await holds(async () => assert.deepEqual([log.reason, await chat.answers()], ["cancelled", [await chat.rendered(log.text)]]));
        assert.ok(words(log.text).startsWith(words(shown)));
        await holds(async () => assert.equal(await chat.connectionWords(), says));
      });
    }
  });
}

/**
 * @param {string} text
 * @returns {string} its letters and digits alone: marks of Markdown are shown or not, as what follows has it
 */
function words(text) {
  return text.replace(/[^\p{L}\p{N}]/gu, "");
}
