/**
 * A state machine of the page against the real server: whatever is refused, at whatever moment, the next good message is
 * answered, what was refused can be edited, retried and deleted, and nothing stays that other devices see and nobody wrote.
 *
 * PAGE_MACHINE_RUNS=200 is the long form, PAGE_MACHINE_SEED=1234 where it begins.
 */

import { after, afterEach, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { explorePage } from "./machine/explore-page.js";
import { explore } from "./machine/explore.js";
import { Server } from "./server.js";

const RUNS = Number(process.env["PAGE_MACHINE_RUNS"] ?? 0);
const FIRST = Number(process.env["PAGE_MACHINE_SEED"] ?? 1);
const SHORT = { withBrowser: 2, without: 6 };

/** @param {number} runs of the short form */
function seeds(runs) {
  return Array.from({ length: RUNS || runs }, (_, index) => FIRST + index);
}

describe("A page on which anything happens", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  const original = globalThis.window;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
    Object.assign(globalThis, { window: new EventTarget() }); // for the transport that says goodbye when the page is left
  });

  after(async () => {
    Object.assign(globalThis, { window: original });
    await browser?.stop();
    await server?.stop();
  });

  afterEach(() => server.forgetConversations());

  for (const seed of seeds(SHORT.without)) {
    it(`goes on without a browser, seed ${seed}`, () => explore(server.address, seed, 30));
  }

  for (const seed of seeds(SHORT.withBrowser)) {
    it(`goes on in a browser, seed ${seed}`, () => explorePage(server, browser, seed, 14));
  }
});
