/** Server, browser and page of a suite. */

import { after, afterEach, before, beforeEach } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { HttpProxy } from "./http-proxy.js";
import { Server } from "./server.js";

/** @typedef {import("./browsers/tab.js").Viewport} Viewport */
/**
 * @typedef {object} ChatSetUp the fields are set while a test runs; server and browser also in the suite's own `before`
 * @property {Server} server
 * @property {Browser} browser
 * @property {ChatPage} chat
 * @property {HttpProxy} proxy between page and server, for a suite that asks for it
 */

const WIDE = { width: 1180, height: 820 };

/**
 * Register the hooks of a suite: one server and one browser for all of its tests, and an open page for each of them.
 * Call it first in a `describe`, so that its hooks run before the suite's own.
 * @param {object} [options]
 * @param {Parameters<typeof Server.start>[0]} [options.server]
 * @param {Viewport} [options.viewport]
 * @param {boolean} [options.isProxied] true to open each page through a proxy of its own
 * @returns {ChatSetUp}
 */
export function useChat({ server = {}, viewport = WIDE, isProxied = false } = {}) {
  /** @type {Partial<ChatSetUp>} */
  const setUp = {};

  before(async () => {
    setUp.server = await Server.start(server);
    setUp.browser = await Browser.start();
  });

  after(async () => {
    await setUp.browser?.stop();
    await setUp.server?.stop();
  });

  beforeEach(async () => {
    if (!setUp.server || !setUp.browser) throw new Error("The server or the browser has not started");
    setUp.chat = new ChatPage(await setUp.browser.newPage());
    await setUp.chat.page.setViewport(viewport);
    if (isProxied) setUp.proxy = await HttpProxy.start(setUp.server.port);
    await setUp.chat.open((setUp.proxy ?? setUp.server).address);
  });

  afterEach(async () => {
    await setUp.chat?.leave();
    await setUp.proxy?.stop();
    delete setUp.chat;
    delete setUp.proxy;
  });

  return /** @type {ChatSetUp} */ (setUp);
}
