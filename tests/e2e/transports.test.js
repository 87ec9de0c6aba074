import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { HttpProxy } from "./http-proxy.js";
import { readLog } from "./log-reader.js";
import { Server } from "./server.js";

const STORY = "Write a long story in ten chapters";
/** So that a story takes two minutes. */
const STEP_MS = 60;
const PLACES = [
  { name: "Where everything gets through", says: "Connected", refusesUpgrades: false, refusesStreams: false, way: "UPGRADE /ws" },
  { name: "Where WebSockets are blocked", says: "Connected through HTTP streaming", refusesUpgrades: true, refusesStreams: false, way: "GET /channel" },
  { name: "Where streams are blocked too", says: "Connected through HTTP polling", refusesUpgrades: true, refusesStreams: true, way: "POST /channel" },
];

for (const { name, says, refusesUpgrades, refusesStreams, way } of PLACES) {
  describe(`${name}, the page`, () => {
    /** @type {Server} */
    let server;
    /** @type {Browser} */
    let browser;
    /** @type {HttpProxy} */
    let proxy;
    /** @type {ChatPage} */
    let chat;

    before(async () => {
      server = await Server.start({ stepMs: STEP_MS });
      browser = await Browser.start();
    });

    after(async () => {
      await browser?.stop();
      await server?.stop();
    });

    beforeEach(async () => {
      proxy = Object.assign(await HttpProxy.start(server.port), { refusesUpgrades, refusesStreams });
      chat = new ChatPage(await browser.newPage());
      await chat.open(proxy.address);
    });

    afterEach(async () => {
      server.takeTime();
      await chat.leave();
      await proxy.stop();
    });

    async function askForStory() {
      await chat.ask(STORY);
      await chat.lastAnswerIsLongerThan(20);
    }

    async function askBriefly() {
      server.hurry();
      await chat.ask("What can you do?");
      await chat.isAnswered();
      server.takeTime();
    }

    /** The log on the server is what the page shows, and neither lost nor doubled a character. */
    async function compareWithLog() {
      const ids = await chat.generations();
      const logs = await Promise.all(ids.map((id) => readLog(server.address, id)));
      await holds(async () => assert.deepEqual(await chat.answers(), await Promise.all(logs.map(({ text }) => chat.rendered(text)))));
      return logs;
    }

    it("chats, says how it is connected, and stops", async () => {
      await holds(async () => assert.equal(await chat.connectionWords(), says));
      await askBriefly();
      await askForStory();
      await chat.press("Stop");
      await chat.lastStatusSays("Stopped");
      await holds(async () => assert.deepEqual((await compareWithLog()).map(({ reason }) => reason), ["stop", "cancelled"]));
    });

    it("remembers which way worked", async () => {
      proxy.requests.length = 0;
      await chat.reload();
      const ways = proxy.requests.filter((request) => /^(UPGRADE|(GET|POST) \/channel$)/.test(request));
      assert.deepEqual(ways, [way]);
    });

    if (refusesStreams) {
      it("gives its channel up when it is left", async () => {
        await chat.reload();
        await proxy.hasSeen("DELETE /channel/…");
      });
    }

    it("shows the whole answer after a reload in the middle of it, twice", async () => {
      await askForStory();
      await chat.reload();
      await chat.lastStatusSays("Writing");
      await chat.reload();
      await chat.lastStatusSays("Writing");
      server.hurry();
      await chat.isIdle();
      const [log] = await compareWithLog();
      await holds(async () => assert.match((await chat.statuses())[0] ?? "", log?.reason === "stop" ? /^Done/ : /^(Stopped at|Context full)/));
    });

    it("asks once what was asked a moment before a reload", async () => {
      await chat.ask(STORY);
      await chat.reload();
      await chat.lastAnswerIsLongerThan(20);
      await chat.press("Stop");
      await chat.lastStatusSays("Stopped");
      await holds(async () => assert.deepEqual((await compareWithLog()).map(({ reason }) => reason), ["cancelled"]));
    });

    it("stops an answer after a reload, and answers again", async () => {
      await askForStory();
      await chat.reload();
      await chat.press("Stop");
      await chat.lastStatusSays("Stopped");
      await askBriefly();
      await holds(async () => assert.deepEqual((await compareWithLog()).map(({ reason }) => reason), ["cancelled", "stop"]));
    });

    it("says why a message is refused, by the model or for its size alone, and goes on", async () => {
      await chat.paste("This sentence is here to fill the whole context of the model. ".repeat(600));
      await chat.page.press("Enter");
      await chat.lastStatusSays("too long");
      await holds(async () => assert.match((await chat.statuses())[0] ?? "", /\d.* .*\d/));
      await chat.fill("x".repeat(1_100_000));
      await chat.page.press("Enter");
      await chat.lastStatusSays("too large to send");
      await chat.press("New chat");
      await askBriefly();
    });

    it("loses nothing of an answer when the line is cut again and again, and still stops it", async () => {
      await askForStory();
      for (let cuts = 0; cuts < 3; cuts += 1) {
        proxy.cut();
        await chat.lastAnswerIsLongerThan((await chat.lastAnswer()).length + 50);
      }
      await chat.press("Stop");
      await chat.lastStatusSays("Stopped");
      await compareWithLog();
      await holds(async () => assert.equal(await chat.connectionWords(), says));
    });
  });
}
