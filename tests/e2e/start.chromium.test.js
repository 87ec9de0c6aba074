/** What a browser loads until the page can be used: counted, not timed. Only Chromium tells who asked for what. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { Server } from "./server.js";
import { StartRecord } from "./start-record.js";

/** What the first load may cost, in bytes with headers, as they go over the line. */
const MOST_BYTES = 150_000;

describe("The start of the page", () => {
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

  /**
   * @param {(address: string) => Promise<string>} [addressOf]
   * @returns {Promise<{cold: StartRecord, warm: StartRecord}>} the first visit, and a second one
   */
  async function visits(addressOf = async (address) => address) {
    const chat = new ChatPage(await browser.newPage());
    const address = await addressOf(server.address);
    const cold = await StartRecord.of(chat, () => chat.open(address));
    const warm = await StartRecord.of(chat, () => chat.open(address));
    assert.deepEqual(chat.complaints, []);
    await chat.leave();
    return { cold, warm };
  }

  it("takes two round trips cold, few requests and few bytes", async () => {
    const { cold } = await visits();
    assert.equal(cold.first.length, 1, cold.text);
    assert.ok(cold.second.length <= 5, cold.text);
    assert.deepEqual(cold.later, [], cold.text);
    assert.ok(cold.bytes < MOST_BYTES, cold.text);
    assert.ok(cold.second.some((path) => /^\/static\/bundle\/[0-9a-f]+\/app\.js$/.test(path)), `\`make install-dev\` makes the bundle\n${cold.text}`);
  });

  it("asks for nothing but the page when warm, which is not sent again", async () => {
    const { warm } = await visits();
    assert.deepEqual(warm.first, ["/"], warm.text);
    assert.deepEqual([...warm.second, ...warm.later], [], warm.text);
    assert.ok(warm.bytes < 2000, warm.text);
  });

  it("takes two round trips without the bundle too: all modules are asked for at once", async () => {
    const unbundled = await Server.start({ isBundled: false });
    try {
      const { cold, warm } = await visits(async () => unbundled.address);
      assert.ok(cold.second.some((path) => /^\/static\/sources\/[0-9a-f]+\/chat-app\.js$/.test(path)), cold.text);
      assert.deepEqual(cold.later, [], cold.text);
      assert.deepEqual([...warm.first, ...warm.second, ...warm.later], ["/"], warm.text);
    } finally {
      await unbundled.stop();
    }
  });

  it("is the same for the address of a conversation", async () => {
    const { cold, warm } = await visits(async (address) => {
      const made = await fetch(`${address}/api/conversations`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
      return `${address}/c/${(await made.json()).id}`;
    });
    assert.ok(cold.second.length <= 5 && cold.later.length === 0 && cold.bytes < MOST_BYTES, cold.text);
    assert.equal(warm.second.length + warm.later.length, 0, warm.text);
  });
});
