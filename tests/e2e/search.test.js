import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { ComparisonPage, openCompared } from "./comparison-page.js";
import { holds } from "./holds.js";
import { importLong } from "./long-conversation.js";
import { Server } from "./server.js";

const LINES = Array.from({ length: 300 }, (_, at) => `Line ${at} of the answer.`).join("\n\n");
const FORMULA = "\n\n```python\nprint('code')\n```\n\n";

describe("What was searched for", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start();
    browser = await Browser.start();
    const answers = {
      Deep: `<think>\nThe walrus is only a thought.\n</think>\n\n${LINES}${FORMULA}A walrus in 你好世界.\n\n${LINES}`,
      Folded: `<think>\n${LINES}\n\nThe narwhal is a thought.\n\n${LINES}\n</think>\n\nAn answer without it.`,
    };
    for (const [title, answer] of Object.entries(answers)) await importLong(server, { id: title, title, messages: 6, answer });
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport({ width: 1180, height: 820 });
    await chat.open(server.address);
  });

  afterEach(() => chat.leave());

  /**
   * Opens what the search has found, and waits for a hit in the middle of what is seen.
   * @param {string} query
   * @param {string} title
   * @param {string} hit
   */
  async function opensAt(query, title, hit) {
    await chat.page.type("#search", query);
    await chat.page.waitForSelector(".row-snippet mark");
    await chat.openListed(title);
    await chat.page.waitFor((/** @type {string} */ wanted) => {
      const ranges = /** @type {Range[]} */ ([...(CSS.highlights?.get("search-hit") ?? [])]);
      const seen = document.querySelector("#viewport")?.getBoundingClientRect();
      return ranges.some((range) => {
        const { top, bottom, height } = range.getBoundingClientRect();
        return String(range) === wanted && seen && height > 0 && top > seen.top && bottom < seen.bottom;
      });
    }, hit);
  }

  /** Which thoughts of the message that is looked at are folded away. */
  const foldsOpen = () => chat.page.evaluate(() => {
    const message = document.activeElement?.closest(".message");
    return [...(message?.querySelectorAll("details.thinking") ?? [])].map((fold) => fold.hasAttribute("open"));
  });

  it("is in view and marked far down in a long answer, and not the thought that has it too", async () => {
    await opensAt("walrus", "Deep", "walrus");
    await holds(async () => assert.deepEqual(await foldsOpen(), [false]));
    assert.deepEqual(chat.complaints, []);
  });

  it("is found and marked in the middle of a text without spaces", async () => {
    await opensAt("世界", "Deep", "世界");
    assert.deepEqual(chat.complaints, []);
  });

  it("unfolds the thought that alone has it", async () => {
    await opensAt("NARW", "Folded", "narwhal");
    await holds(async () => assert.deepEqual(await foldsOpen(), [true]));
  });

  it("selects the answer that has it among those that are compared", async () => {
    const answers = [{ label: "One", content: "A seal." }, { label: "Two", content: `${LINES}\n\nA dugong.\n\n${LINES}` }];
    await openCompared(chat, { id: "compared", title: "Compared", answers });
    await opensAt("dugong", "Compared", "dugong");
    await new ComparisonPage(chat).selectedIs("Two");
  });

  it("is not marked any more in another conversation", async () => {
    await opensAt("walrus", "Deep", "walrus");
    await chat.press("New chat");
    await chat.page.waitFor(() => (CSS.highlights?.get("search-hit")?.size ?? 0) === 0);
  });

  it("is forgotten by its button, which is there only then", async () => {
    const clear = await chat.page.$eval("#search-clear", (button) => button.checkVisibility());
    await chat.page.type("#search", "walrus");
    await chat.page.waitForSelector(".row-snippet mark");
    await chat.press("Clear search");
    await chat.page.waitFor(() => document.querySelector(".row-snippet mark") === null && document.querySelector(".row") !== null);
    await chat.hasFocus("#search");
    const value = await chat.page.$eval("#search", (input) => /** @type {HTMLInputElement} */ (input).value);
    await holds(async () => assert.deepEqual([clear, value, await chat.page.$eval("#search-clear", (button) => button.checkVisibility())], [false, "", false]));
  });
});
