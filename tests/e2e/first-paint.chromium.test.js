import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { PanelsPage } from "./panels-page.js";
import { Server } from "./server.js";

describe("The first paint", () => {
  /** @type {Server | undefined} */
  let server;
  /** @type {Browser | undefined} */
  let browser;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  it("has the theme that was chosen", async () => {
    assert.ok(browser && server);
    const chat = new ChatPage(await browser.newPage());
    await chat.open(server.address);
    await new PanelsPage(chat.page).open("appearance");
    await chat.page.click(() => document.querySelector('input[value="dark"]'));
    await chat.page.devtools.evaluateOnNewDocument(noteTheme);
    await chat.reload();
    assert.equal(await chat.page.evaluate(() => /** @type {any} */ (window).firstTheme), "dark");
  });

  it("has no sidebar where it was hidden, and nothing moves afterwards", async () => {
    assert.ok(browser && server);
    const chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport({ width: 1280, height: 800 });
    await chat.open(server.address);
    await chat.press("Hide sidebar");
    await chat.page.devtools.evaluateOnNewDocument(noteWidths);
    await chat.reload();
    await chat.listIsThere();
    assert.deepEqual(await chat.page.evaluate(() => [...new Set(/** @type {any} */ (window).widths)]), [1280]);
  });
});

/** Runs in the page before anything else: notes the theme when there is a body, which is before anything is painted. */
function noteTheme() {
  new MutationObserver((_, observer) => {
    if (!document.body) return;
    observer.disconnect();
    Object.assign(window, { firstTheme: document.documentElement.dataset["theme"] });
  }).observe(document, { childList: true, subtree: true });
}

/** Runs in the page before anything else: notes each width of the chat that is laid out. */
function noteWidths() {
  const widths = /** @type {number[]} */ ([]);
  Object.assign(window, { widths });
  const sizes = new ResizeObserver(([entry]) => entry && widths.push(entry.contentRect.width));
  new MutationObserver((_, observer) => {
    const main = document.getElementById("main");
    if (!main) return;
    observer.disconnect();
    sizes.observe(main);
  }).observe(document, { childList: true, subtree: true });
}
