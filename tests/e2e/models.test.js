import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { PanelsPage } from "./panels-page.js";
import { useChat } from "./use-chat.js";

describe("A server with two models", () => {
  const setUp = useChat({ server: { models: ["one", "two"] } });

  it("answers with the chosen one, also again as another version, and names it on each answer", async () => {
    const { chat } = setUp;
    const panels = new PanelsPage(chat.page);
    await panels.open("chat");
    await panels.set("max_tokens", "5");
    await chat.ask("Hello");
    await chat.lastStatusSays(" · One");
    await choose("two");
    await chat.pressLast("Regenerate");
    await chat.branchesSay("2/2");
    await chat.lastStatusSays(" · Two");
    const { messages } = await chat.document();
    assert.deepEqual(messages.map((/** @type {any} */ { model }) => model), [undefined, "one", "two"]);
    await chat.reload();
    await chat.lastStatusSays(" · Two");
    await chat.page.waitFor(() => /** @type {HTMLSelectElement | null} */ (document.getElementById("model-picker"))?.value === "two");
    assert.deepEqual(chat.complaints, []);
  });

  /** @param {string} name */
  async function choose(name) {
    await setUp.chat.page.$eval("#model-picker", (select, chosen) => {
      /** @type {HTMLSelectElement} */ (select).value = chosen;
      select.dispatchEvent(new Event("change"));
    }, name);
  }
});
