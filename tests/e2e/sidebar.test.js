import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { importLong } from "./long-conversation.js";
import { PanelsPage } from "./panels-page.js";
import { Server } from "./server.js";

const CHATS = 40;

describe("The sidebar", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
    for (let index = 0; index < CHATS; index += 1) await importLong(server, { id: `c${index}`, title: `Chat ${index}`, messages: 2, answer: "Yes." });
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport({ width: 1280, height: 600 });
    await chat.open(server.address);
    await chat.listIsThere();
  });

  afterEach(() => chat.leave());

  const widths = () => chat.page.evaluate(() => ["sidebar", "main"].map((id) => document.getElementById(id)?.getBoundingClientRect().width ?? -1));

  /** Waits until the row of a title is all in view, in the list. @param {string} title */
  async function rowIsSeen(title) {
    await chat.page.waitFor((wanted) => {
      const row = [...document.querySelectorAll(".row")].find((each) => each.querySelector(".row-title")?.textContent === wanted);
      const [box, list] = [row, document.querySelector(".list")].map((element) => element?.getBoundingClientRect());
      return box && list && box.height > 0 && box.top >= list.top - 1 && box.bottom <= list.bottom + 1;
    }, title);
  }

  it("is hidden and shown again by its buttons and by a key, and stays so in this browser", async () => {
    const [sidebar, main] = await widths();
    await chat.press("Hide sidebar");
    await chat.hasFocus("#sidebar-open");
    assert.deepEqual(await widths(), [0, (sidebar ?? 0) + (main ?? 0)]);
    await chat.page.press("Enter");
    await chat.hasFocus("#sidebar-close");
    assert.deepEqual(await widths(), [sidebar, main]);
    await chat.page.focus("#composer-input");
    await chat.page.press("Control+Shift+S");
    await chat.page.waitForSelector("#sidebar-open:not([hidden])");
    await chat.hasFocus("#composer-input");
    assert.equal((await widths())[0], 0);
    await chat.reload();
    assert.equal((await widths())[0], 0);
    await holds(async () => assert.equal(await chat.page.$eval("#sidebar-open", ({ ariaExpanded }) => ariaExpanded), "false"));
    await chat.press("Show sidebar");
    assert.deepEqual(await widths(), [sidebar, main]);
    assert.deepEqual(chat.complaints, []);
  });

  it("leaves its room to the chat also beside the settings", async () => {
    const panels = new PanelsPage(chat.page);
    await panels.open("chat");
    const [sidebar, main] = await widths();
    await chat.press("Hide sidebar");
    assert.deepEqual(await widths(), [0, (sidebar ?? 0) + (main ?? 0)]);
    assert.equal(await chat.overhang(), 0);
    await holds(async () => assert.equal(await panels.isOpen(), true));
  });

  it("is still a drawer on a narrow page where it was hidden on a wide one", async () => {
    await chat.press("Hide sidebar");
    await chat.page.setViewport({ width: 360, height: 600 });
    await chat.press("Show sidebar");
    await chat.page.waitForSelector('.sidebar[data-open="true"]');
    await chat.hasFocus("#sidebar-close");
    await chat.press("Hide sidebar");
    await chat.page.waitForSelector('.sidebar[data-open="false"]');
    await chat.hasFocus("#sidebar-open");
  });

  it("scrolls to the row of a new chat, and of one that a search leads to", async () => {
    await chat.page.$eval(".list", (list) => list.scrollTo(0, 1e6));
    await chat.answered("What is new?");
    await rowIsSeen("What is new?");
    await chat.page.type("#search", "Chat 0");
    await chat.listDoesNotSay("What is new?");
    await chat.openListed("Chat 0");
    await chat.press("Clear search");
    await chat.listSays("What is new?");
    await rowIsSeen("Chat 0");
  });

  it("says when each chat was used", async () => {
    const times = await chat.page.$$eval(".row-time", (elements) => elements.map((element) => element.textContent ?? ""));
    assert.ok(times.length > 0);
    for (const time of times) assert.match(time, /\d/);
  });
});
