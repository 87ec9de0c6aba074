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
    await choose("tw");
    await chat.pressLast("Regenerate");
    await chat.branchesSay("2/2");
    await chat.lastStatusSays(" · Two");
    const { messages } = await chat.document();
    assert.deepEqual(messages.map((/** @type {any} */ { model }) => model), [undefined, "one", "two"]);
    await chat.reload();
    await chat.lastStatusSays(" · Two");
    await chat.modelSays("two");
    assert.deepEqual(chat.complaints, []);
  });

  it("lets the keyboard find one in the list, which says of each what it is, and leaves it without a choice", async () => {
    const { chat } = setUp;
    await chat.openModels();
    await chat.page.type(".chooser-field", "starter");
    const starter = (await shown()).find((text) => text?.startsWith("starter"));
    assert.match(starter ?? "", /^starter .*context 2,048 · needs [\d.]+ MiB of memory$/);
    await chat.page.press("Escape");
    await chat.page.waitFor(() => document.querySelector(".chooser:popover-open") === null && document.activeElement?.id === "model-picker");
    await chat.modelSays("one");
    await chat.openModels();
    await chat.page.press("ArrowDown");
    assert.equal(await active(), "two");
    await chat.page.press("Home");
    assert.equal(await active(), "one");
    await chat.page.click(() => document.getElementById("composer-input"));
    await chat.page.waitFor(() => document.querySelector(".chooser:popover-open") === null);
    assert.deepEqual(chat.complaints, []);
  });

  /** Chooses a model by typing a part of its name. @param {string} text */
  async function choose(text) {
    await setUp.chat.openModels();
    await setUp.chat.page.type(".chooser-field", text);
    await setUp.chat.page.waitFor((wanted) => document.querySelector(".chooser-option.is-active")?.textContent?.toLowerCase().includes(wanted), text);
    await setUp.chat.page.press("Enter");
    await setUp.chat.modelSays("two");
  }

  const shown = () => setUp.chat.page.$$eval(".chooser-option:not([hidden])", (options) => options.map((option) => option.textContent));
  const active = () => setUp.chat.page.$eval(".chooser-option.is-active > .chooser-name", (name) => name.textContent);
});
