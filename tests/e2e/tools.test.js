import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";

import { showCall } from "./called.js";
import { holds } from "./holds.js";
import { PanelsPage } from "./panels-page.js";
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

  it("is asked for by the choice in the settings, which is kept with the chat", async () => {
    const { chat } = setUp;
    const panels = new PanelsPage(chat.page);
    await panels.open("chat");
    await panels.unfold("Tools");
    await panels.set("tools", JSON.stringify({ name: "get_weather", parameters: { type: "object", properties: { city: { enum: ["Berlin"] } }, required: ["city"] } }));
    await choose("function:get_weather");
    await chat.ask("What is the weather like?");
    await chat.page.waitForSelector(".tool-results textarea");
    assert.deepEqual(await chat.page.$$eval(".chip-label", (chips) => chips.map(({ textContent }) => textContent)), ["1 tool", "Always get_weather"]);
    await holds(async () => assert.equal((await chat.document()).settings.tool_choice?.function?.name, "get_weather"));
    await chat.reload();
    await panels.open("chat");
    assert.equal(await chosen(), "function:get_weather");
    await choose("none");
    await holds(async () => assert.equal((await chat.document()).settings.tool_choice, "none"));
    await chat.page.type(".tool-results textarea", '{"sky": "blue"}');
    await chat.press("Send result");
    await chat.page.waitFor(() => document.querySelectorAll(".message").length === 4);
    await chat.isIdle();
    await chat.isAnswered();
    const { messages } = await chat.document();
    assert.deepEqual(messages.map((/** @type {any} */ { role, tool_calls: calls }) => `${role} ${calls?.length ?? 0}`), ["user 0", "assistant 1", "tool 0", "assistant 0"]);
    await panels.set("tools", "");
    assert.equal(await chat.page.$eval("#parameter-tool_choice", (field) => field.checkVisibility()), false);
    assert.deepEqual(chat.complaints, []);
  });

  /** @param {string} value */
  async function choose(value) {
    await setUp.chat.page.$eval("#parameter-tool_choice", (field, chosenValue) => {
      field.closest("details")?.setAttribute("open", "");
      /** @type {HTMLSelectElement} */ (field).value = chosenValue;
      field.dispatchEvent(new Event("change"));
    }, value);
  }

  const chosen = () => setUp.chat.page.$eval("#parameter-tool_choice", (field) => /** @type {HTMLSelectElement} */ (field).value);

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
