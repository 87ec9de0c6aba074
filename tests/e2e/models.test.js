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
    const height = await chat.page.$eval("#model-picker", (button) => button.getBoundingClientRect().height);
    assert.ok(height >= 28, `${height}`);
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

/** The form of the starter's own template, with a switch for thinking. */
const TEMPLATE = `{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}<|assistant|>
{%- if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}`;

describe("A model whose thinking can be switched off", () => {
  const setUp = useChat({ server: { template: TEMPLATE } });

  it("is told so beside the composer, for this chat and after a reload", async () => {
    const { chat } = setUp;
    await chat.page.waitFor(() => document.getElementById("composer-effort")?.checkVisibility() ?? false);
    assert.equal(await effort(), "Thinking: on");
    await chat.page.focus("#composer-effort");
    await chat.page.press("ArrowDown");
    await chat.page.waitFor(() => /** @type {HTMLSelectElement} */ (document.getElementById("composer-effort")).value === "none");
    const panels = new PanelsPage(chat.page);
    await panels.open("chat");
    await panels.set("max_tokens", "5");
    await chat.ask("Hello");
    await chat.isIdle();
    const { settings } = await chat.document();
    assert.deepEqual(settings, { params: { max_tokens: 5 }, reasoning_effort: "none" });
    await chat.reload();
    await chat.page.waitFor(() => /** @type {HTMLSelectElement} */ (document.getElementById("composer-effort")).value === "none");
    assert.equal(await effort(), "Thinking: off");
    assert.deepEqual(chat.complaints, []);
  });

  const effort = () => setUp.chat.page.$eval("#composer-effort", (select) => /** @type {HTMLSelectElement} */ (select).selectedOptions[0]?.textContent);
});
