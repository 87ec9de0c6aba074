import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { Proxy } from "./proxy.js";
import { Server } from "./server.js";

const CUTS = 3;
/** Bytes that pass before a cut: the head of the response, the first event, and a part of the next ones. */
const BYTES = 800;

describe("The browser's own EventSource", () => {
  /** @type {Server} */
  let server;
  /** @type {Proxy} */
  let proxy;
  /** @type {Browser} */
  let browser;

  before(async () => {
    server = await Server.start({ stepMs: 15 });
    proxy = await Proxy.start(server.port);
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await proxy?.stop();
    await server?.stop();
  });

  it("reads one answer through cut lines, whole, and ends by itself", async () => {
    const page = await browser.newPage();
    await page.goto(`${proxy.address}/healthz`);
    await start("story", { prompt: "Tell me a long story", params: { seed: 5, max_tokens: 500 }, on_detach_ms: null });

    proxy.cutAfter(BYTES, CUTS);
    const read = await page.evaluate(follow, "/generations/story/events");

    assert.deepEqual({ gaps: read.gaps, ends: read.ends }, { gaps: 0, ends: 1 });
    const answer = await (await fetch(`${server.address}/generations/story`)).json();
    assert.equal(read.text, answer.text);
    assert.ok(answer.text.length > 200);
    assert.equal(createHash("sha256").update(read.text).digest("hex"), read.sha256);
    assert.equal(proxy.cuts, CUTS);
    // A browser asks again without a word when it had read nothing yet, and there is the end behind the answer.
    assert.ok(read.losses >= 1 && read.losses <= CUTS + 1, `${read.losses} losses for ${CUTS} cuts`);
  });

  /**
   * @param {string} id
   * @param {object} body
   */
  async function start(id, body) {
    const options = { method: "POST", headers: { "Content-Type": "application/json" } };
    const answer = await fetch(`${server.address}/generations`, { ...options, body: JSON.stringify({ id, ...body }) });
    assert.equal(answer.status, 201);
  }
});

/**
 * Runs in the page: reads the events until EventSource has closed for good, or until the first gap.
 * @param {string} address
 * @returns {Promise<{text: string, sha256: string, gaps: number, ends: number, losses: number}>}
 */
function follow(address) {
  return new Promise((resolve) => {
    const read = { text: "", sha256: "", gaps: 0, ends: 0, losses: 0 };
    let cursor = 0;
    const source = new EventSource(address);
    /** @param {Event} event */
    const parsed = (event) => JSON.parse(/** @type {MessageEvent} */ (event).data);
    const giveUp = () => {
      read.gaps++;
      source.close();
      resolve(read);
    };
    source.addEventListener("attached", (event) => {
      const { recovered, from } = parsed(event);
      if (!recovered || from !== cursor) giveUp();
    });
    source.addEventListener("token", (event) => {
      const { seq, n, text } = parsed(event);
      if (seq - n !== cursor) giveUp();
      cursor = seq;
      read.text += text;
    });
    source.addEventListener("done", (event) => {
      read.ends++;
      read.sha256 = parsed(event).sha256;
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) return resolve(read);
      read.losses++;
    });
  });
}
