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
});

/** Runs in the page before anything else: notes the theme when there is a body, which is before anything is painted. */
function noteTheme() {
  new MutationObserver((_, observer) => {
    if (!document.body) return;
    observer.disconnect();
    Object.assign(window, { firstTheme: document.documentElement.dataset["theme"] });
  }).observe(document, { childList: true, subtree: true });
}
