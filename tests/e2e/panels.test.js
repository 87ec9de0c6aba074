import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { holds } from "./holds.js";
import { PanelsPage } from "./panels-page.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

const STORY = "Tell me a long story";
const NARROW = { width: 360, height: 740, isMobile: true };

describe("The panels", () => {
  const setUp = useChat();
  /** @type {ChatPage} */
  let chat;
  /** @type {PanelsPage} */
  let panels;

  beforeEach(() => {
    ({ chat } = setUp);
    panels = new PanelsPage(chat.page);
  });

  describe("with settings", () => {
    beforeEach(async () => {
      await panels.open("chat");
    });

    it("tells the model's facts and the server's limits", async () => {
      const facts = await panels.facts();
      assert.match(facts, /Name\s*\S/);
      assert.match(facts, /Context\s*[\d,]+ tokens/);
      assert.deepEqual(chat.complaints, []);
    });

    it("sends the parameters and the system prompt, and the server obeys", async () => {
      await panels.set("temperature", "0");
      await panels.set("max_tokens", "5");
      await panels.set("system-prompt", "Be brief.");
      await chat.ask(STORY);
      await chat.lastStatusSays("Stopped at your 5-token limit");
      const first = await chat.lastAnswer();
      await chat.press("New chat");
      await chat.ask(STORY);
      await chat.lastStatusSays("Stopped at your 5-token limit");
      await holds(async () => assert.equal(await chat.lastAnswer(), first));
      assert.deepEqual(chat.complaints, []);
    });

    it("obeys a JSON schema", async () => {
      await panels.unfold("Output format");
      await panels.set("json_schema", '{"enum": ["yes", "no"]}');
      await chat.ask("Is water wet?");
      await chat.isAnswered();
      await holds(async () => assert.match(await chat.lastAnswer(), /^\s*"(yes|no)"\s*$/));
    });

    it("says what is wrong with a value, and goes on with the one before", async () => {
      await panels.set("max_tokens", "5");
      await panels.set("max_tokens", "0");
      await holds(async () => assert.equal(await panels.problem("max_tokens"), "Must be 1 or more"));
      await panels.says("Fix: Max tokens. The previous value stays in use.");
      await chat.ask(STORY);
      await chat.lastStatusSays("Stopped at your 5-token limit");
      await panels.set("max_tokens", "6");
      await holds(async () => assert.equal(await panels.problem("max_tokens"), ""));
    });

    it("keeps the settings over a reload, resets one and all, and takes that back", async () => {
      await panels.set("temperature", "0.3");
      await panels.set("top_p", "0.5");
      await chat.reload();
      await panels.open("chat");
      await holds(async () => assert.equal(await panels.value("temperature"), "0.3"));
      await chat.press("Reset Temperature");
      await holds(async () => assert.deepEqual([await panels.value("temperature"), await panels.value("top_p")], ["", "0.5"]));
      await chat.press("Reset all");
      await holds(async () => assert.equal(await panels.value("top_p"), ""));
      await panels.says("Reset to defaults");
      await chat.press("Undo");
      await holds(async () => assert.equal(await panels.value("top_p"), "0.5"));
      await panels.says("Settings restored");
    });

    it("sets a parameter by its slider, with keys, and shows the model's default without a value", async () => {
      await holds(async () => assert.deepEqual(await panels.slider("temperature"), { value: "0.3", words: "0.3 (default)" }));
      await chat.page.focus("#slider-temperature");
      for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight"]) await chat.page.press(key);
      await holds(async () => assert.equal(await panels.value("temperature"), "0.4"));
      await chat.reload();
      await panels.open("chat");
      await holds(async () => assert.deepEqual(await panels.slider("temperature"), { value: "0.4", words: "0.4" }));
      await panels.set("temperature", "0.123");
      await holds(async () => assert.equal((await panels.slider("temperature")).words, "0.123"));
      await chat.press("Reset Temperature");
      await holds(async () => assert.deepEqual(await panels.slider("temperature"), { value: "0.3", words: "0.3 (default)" }));
    });

    it("has name, slider and number of a parameter in one line", async () => {
      await panels.unfoldAll();
      const offsets = await chat.page.$$eval(".field-row-slider", (rows) => rows.map((row) => {
        const middles = [...row.querySelectorAll("label, input")].map((part) => {
          const { top, bottom } = part.getBoundingClientRect();
          return (top + bottom) / 2;
        });
        return Math.max(...middles) - Math.min(...middles);
      }));
      assert.ok(offsets.length > 10 && offsets.every((offset) => offset < 3), offsets.join(", "));
    });

    it("explains a parameter on demand", async () => {
      await holds(async () => assert.equal(await panels.help("temperature"), ""));
      await chat.page.focus('[aria-label="About Temperature"]');
      await chat.page.press("Enter");
      await holds(async () => assert.match(await panels.help("temperature") ?? "", /Low is focused.* Range: 0–2\.$/));
      await chat.page.press("Enter");
      await holds(async () => assert.equal(await panels.help("temperature"), ""));
    });

    it("keeps the form of a preset and the error of a field out from under the footer", async () => {
      for (const height of [420, 480, 540, 600]) {
        await chat.page.setViewport({ width: 1180, height });
        await chat.press("Save as preset…");
        for (const part of ["#preset-name", ".preset-form button[type=submit]"]) {
          assert.ok(await panels.isUncovered(part), `${part} at ${height} px`);
        }
        await chat.press("Cancel");
        await panels.set("seed", "-7");
        assert.ok(await panels.isUncovered("#parameter-seed-error"), `the error at ${height} px`);
        await panels.set("seed", "7");
      }
    });

    it("chooses, keeps and deletes presets", async () => {
      await panels.set("max_tokens", "9");
      await chat.press("Precise");
      await holds(async () => assert.deepEqual([await panels.value("temperature"), await panels.value("max_tokens")], ["0.2", "9"]));
      await holds(async () => assert.deepEqual(await panels.pressedPresets(), ["Precise"]));
      await chat.press("Save as preset…");
      await chat.page.type(".preset-form input", "Mine");
      await chat.page.press("Enter");
      await chat.press("Reset all");
      await holds(async () => assert.deepEqual(await panels.pressedPresets(), ["Balanced"]));
      await chat.reload();
      await panels.open("chat");
      await chat.press("Mine");
      await holds(async () => assert.deepEqual([await panels.value("temperature"), await panels.value("max_tokens")], ["0.2", "9"]));
      await chat.press("Save as preset…");
      await chat.page.type(".preset-form input", "The same");
      await chat.page.press("Enter");
      await panels.says("Preset saved");
      await holds(async () => assert.deepEqual(await panels.pressedPresets(), ["The same"]));
      for (const name of ["The same", "Mine"]) {
        await chat.press(`Delete the preset ${name}`);
        await panels.says("Preset deleted");
      }
      await chat.page.waitFor(() => !document.querySelector(".preset-own"));
      await chat.press("Undo");
      await holds(async () => assert.deepEqual(await panels.pressedPresets(), ["Mine"]));
    });

    it("is worked by keys alone, closes with Escape, and gives the focus back", async () => {
      await chat.page.press("Escape");
      await chat.page.focus("#settings-button");
      await chat.page.press("Enter");
      await holds(async () => assert.equal(await panels.focused(), "tab-chat"));
      await chat.page.press("ArrowRight");
      await holds(async () => assert.equal(await panels.focused(), "tab-models"));
      await chat.page.press("Escape");
      await holds(async () => assert.equal(await panels.focused(), "settings-button"));
      await holds(async () => assert.equal(await panels.isOpen(), false));
    });
  });

  it("shows what the engine is doing, and asks for it only while it is looked at", async () => {
    await panels.watchQuestions();
    await panels.open("engine");
    await panels.engineSays("Running");
    await panels.engineSays("0 of ");
    await chat.ask(STORY);
    await chat.page.waitFor(() => document.querySelector("#panel-engine .field-hint")?.textContent?.includes("at peak"));
    await holds(async () => assert.match(await panels.plotWords(), /^This browser: /));
    await chat.page.press("Tab");
    await panels.show("appearance");
    const asked = await panels.questionCount();
    await panels.show("engine");
    await chat.page.waitFor((before) => /** @type {any} */ (window).questions === before + 1, asked);
    assert.deepEqual(chat.complaints, []);
  });

  it("keeps theme and text size over a reload", async () => {
    await panels.open("appearance");
    const before = await panels.appearance();
    await chat.page.click(() => document.querySelector('input[value="dark"]'));
    await chat.page.focus("#text-size");
    for (const key of ["ArrowRight", "ArrowRight"]) await chat.page.press(key);
    const chosen = await panels.appearance();
    assert.notEqual(chosen.ground, before.ground);
    assert.equal(chosen.size, "20px");
    await chat.reload();
    await holds(async () => assert.deepEqual(await panels.appearance(), chosen));
  });

  it("lists the shortcuts under ?, and gives the focus back", async () => {
    await chat.page.focus("#settings-button");
    await chat.page.press("?");
    await chat.page.waitForSelector("#help[open]");
    const keys = await chat.page.$$eval("#help dt", (terms) => terms.map((term) => term.textContent));
    assert.ok(keys.includes("?") && keys.includes("Esc"));
    await chat.page.setViewport({ width: 1180, height: 300 });
    await chat.page.$eval("#help .shortcut:last-child", (row) => row.scrollIntoView());
    for (const part of ["#help-title", "#help button", "#help .shortcut:last-child"]) assert.ok(await panels.isUncovered(part), part);
    await chat.page.press("Escape");
    await chat.page.waitForSelector("#help:not([open])");
    await holds(async () => assert.equal(await panels.focused(), "settings-button"));
    await chat.write("Why?");
    await holds(async () => assert.equal(await chat.draft(), "Why?"));
    await holds(async () => assert.equal(await panels.isHelpOpen(), false));
  });

  it("closes help and panel with Escape without stopping an answer", async () => {
    await panels.open("chat");
    await panels.pressEscapeWithFirstText();
    await chat.ask(STORY);
    await chat.page.waitForSelector("#side-panel:not([open])");
    await chat.isIdle();
    assert.doesNotMatch((await chat.statuses()).at(-1) ?? "", /Stopped/);
  });

  it("fits into 360 pixels, at the largest text too", async () => {
    await chat.page.setViewport(NARROW);
    for (const size of [100, 150]) {
      await panels.setTextSize(size);
      for (const view of /** @type {const} */ (["chat", "models", "engine", "appearance"])) {
        await panels.open(view);
        await panels.unfoldAll();
        for (const direction of ["ltr", "rtl"]) {
          await chat.page.evaluate((dir) => document.documentElement.setAttribute("dir", dir), direction);
          assert.equal(await panels.overhang(), 0, `${view} at ${size} %, ${direction}`);
        }
        await chat.page.press("Escape");
      }
      assert.equal(await chat.overhang(), 0);
    }
  });
});
