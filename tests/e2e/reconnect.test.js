import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { readLog } from "./log-reader.js";
import { Proxy } from "./proxy.js";
import { Server } from "./server.js";

describe("A lost connection", () => {
  /** @type {Server[]} */
  const servers = [];
  /** @type {Proxy | undefined} */
  let proxy;
  /** @type {Browser | undefined} */
  let browser;

  before(async () => {
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await proxy?.stop();
    for (const server of servers) await server.stop();
  });

  /** @param {{port?: number, stepMs?: number}} [options] */
  async function startServer(options) {
    const server = await Server.start(options);
    servers.push(server);
    return server;
  }

  it("to a server that died is shown and retried, and the message that waits is sent to the next one", async () => {
    assert.ok(browser);
    const first = await startServer();
    const chat = new ChatPage(await browser.newPage());
    await chat.open(first.address);

    await first.kill();
    await chat.connectionSays("Reconnecting");
    await chat.page.waitForSelector("#connection-retry:not([hidden])");
    await chat.ask("What can you do?");
    await chat.lastStatusSays("Will send when reconnected");
    await chat.write("A draft");

    await startServer({ port: first.port });
    await chat.connected();
    await chat.isAnswered();
    await holds(async () => assert.equal(await chat.draft(), "A draft"));
  });

  it("to a server that died takes nothing of the answer that was being written, whether or not the next one knows it", async () => {
    assert.ok(browser);
    const first = await startServer();
    const chat = new ChatPage(await browser.newPage());
    await chat.open(first.address);
    await chat.ask("Tell me a long story");
    await chat.lastAnswerIsLongerThan(20);
    await first.kill();
    await chat.connectionSays("Reconnecting");
    const [shown] = await chat.answers();
    assert.ok(shown);
    await startServer({ port: first.port });
    await chat.connected();
    await chat.isIdle();
    const [text] = await chat.answers();
    assert.ok(words(text ?? "").startsWith(words(shown)));
  });

  it("costs an answer nothing when it is cut in the middle", async () => {
    assert.ok(browser);
    const server = await startServer({ stepMs: 20 });
    proxy = await Proxy.start(server.port);
    const chat = new ChatPage(await browser.newPage());
    await chat.open(proxy.address);
    proxy.cutAfter(2000);
    await chat.ask("Tell me a long story");
    await chat.lastAnswerIsLongerThan(600);
    assert.equal(proxy.cuts, 1);
    server.hurry();
    await chat.isIdle();
    await chat.isAnswered();
    const [id = ""] = await chat.generations();
    await holds(async () => assert.deepEqual(await chat.answers(), [await chat.rendered((await readLog(server.address, id)).text)]));
  });
});

/**
 * @param {string} text
 * @returns {string} its letters and digits alone: marks of Markdown are shown or not, as what follows has it
 */
function words(text) {
  return text.replace(/[^\p{L}\p{N}]/gu, "");
}
