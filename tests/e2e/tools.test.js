import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";

import { showCall } from "./called.js";
import { useChat } from "./use-chat.js";

describe("A call of a function", () => {
  const setUp = useChat();

  afterEach(async () => {
    await setUp.server.forgetConversations();
  });

  it("is shown beside the text, and its result is sent, stored and shown after a reload", async () => {
    const { chat, server } = setUp;
    await showCall(chat, server.address);
    const folds = () => chat.page.evaluate(() => [...document.querySelectorAll(".tool-fold > summary")].map(({ textContent }) => textContent));
    assert.deepEqual(await folds(), ["Called get_weather"]);
    assert.equal((await chat.page.$eval(".answer-text", ({ textContent }) => textContent))?.trim(), "");
    await chat.page.focus(".tool-fold > summary");
    await chat.page.press("Enter");
    assert.equal(await chat.page.$eval(".tool-fold[open] pre", ({ textContent }) => textContent), '{\n  "city": "Berlin",\n  "days": 3\n}');
    await chat.page.type(".tool-results textarea", '{"sky": "blue"}');
    await chat.press("Send result");
    await chat.page.waitFor(() => document.querySelectorAll(".message").length === 4);
    await chat.isIdle();
    await chat.isAnswered();
    const { messages } = await chat.document();
    assert.deepEqual(messages.map((/** @type {any} */ { role }) => role), ["user", "assistant", "tool", "assistant"]);
    assert.equal(messages[2].content, '{"sky": "blue"}');
    assert.equal(messages[2].tool_call_id, messages[1].tool_calls[0].id);
    await chat.reload();
    await chat.page.waitFor(() => document.querySelectorAll(".message").length === 4);
    assert.deepEqual((await folds()).slice(0, 2), ["Called get_weather", "Result of get_weather"]);
  });

  it("is unfolded and marked when a search has found its arguments", async () => {
    const { chat, server } = setUp;
    await showCall(chat, server.address);
    await chat.page.waitForSelector(".tool-fold:not([open])");
    await chat.page.type("#search", "berl");
    await chat.page.waitForSelector(".row-snippet mark");
    await chat.page.click(() => document.querySelector(".row-link"));
    await chat.page.waitForSelector(".tool-fold[open]");
    await chat.page.waitFor(() => {
      const [range] = /** @type {Range[]} */ ([...(CSS.highlights?.get("search-hit") ?? [])]);
      return String(range) === "Berlin" && range?.startContainer.parentElement?.closest(".tool-fold");
    });
  });
});
