import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { SettingsChips } from "../../../frontend/composer/settings-chips.js";
import { FakeBrowser } from "../fake-storage.js";
import { installDocument, removeDocument } from "../rendering/rendered.js";

/** @typedef {import("../../../frontend/panels/settings.js").Settings} Settings */

const SETTINGS = { system: "Be brief.", params: { max_tokens: 200 } };

describe("The chips of active settings", () => {
  /** @type {FakeBrowser} */
  let browser;
  /** @type {ReturnType<typeof open>} */
  let page;

  before(installDocument);
  after(removeDocument);

  beforeEach(() => {
    browser = new FakeBrowser();
    page = open();
  });

  function open() {
    const create = (/** @type {string} */ tag) => document.createElement(tag);
    const elements = { area: create("section"), list: create("ul"), question: create("p") };
    const opened = /** @type {string[]} */ ([]);
    const reset = /** @type {Settings[]} */ ([]);
    const chips = new SettingsChips(elements, browser.openTab(), {
      settingChosen: (name) => opened.push(name),
      settingsReset: (settings) => reset.push(settings),
    });
    return { ...elements, chips, opened, reset };
  }

  const labels = () => [...page.list.querySelectorAll(".chip-label")].map(({ textContent }) => textContent);
  const asks = () => !page.question.hidden;

  /** @param {string} label */
  function press(label) {
    const buttons = [...page.area.querySelectorAll("button"), ...page.list.querySelectorAll("button"), ...page.question.querySelectorAll("button")];
    const button = buttons.find((each) => (each.getAttribute("aria-label") ?? each.textContent) === label);
    assert.ok(button, `no button ${label}`);
    button.click();
  }

  it("show each setting that differs, and nothing while all are at their defaults", () => {
    page.chips.show({});
    assert.equal(page.area.hidden, true);
    page.chips.show({ system: "Be brief.", params: { max_tokens: 200, temperature: 1.5 } });
    assert.deepEqual([page.area.hidden, labels()], [false, ["System prompt", "Temperature 1.5", "Max 200 tokens"]]);
  });

  it("count those for which there is no room", () => {
    page.chips.show({ system: "Be brief.", params: { max_tokens: 200, temperature: 1.5, top_k: 3, json_schema: {} } });
    assert.deepEqual(labels(), ["System prompt", "Temperature 1.5", "Max 200 tokens", "+2"]);
    press("2 more settings: Top K 3, JSON output");
    assert.deepEqual(page.opened, ["top_k"]);
  });

  it("lead to their field, and back to the default", () => {
    page.chips.show(SETTINGS);
    press("System prompt");
    assert.deepEqual(page.opened, ["system"]);
    press("Reset Max 200 tokens");
    assert.deepEqual(page.reset, [{ system: "Be brief." }]);
    assert.deepEqual(labels(), ["System prompt"]);
  });

  it("ask in a new chat whether to keep the settings of the last one, until they are kept", () => {
    page.chips.opened(true, SETTINGS);
    assert.equal(asks(), true);
    press("Keep these settings");
    assert.deepEqual([asks(), labels().length, page.reset], [false, 2, []]);
    page.chips.opened(false, SETTINGS);
    page.chips.opened(true, SETTINGS);
    assert.equal(asks(), false);
    page = open();
    page.chips.opened(true, SETTINGS);
    assert.equal(asks(), false);
    page.chips.opened(false, SETTINGS);
    page.chips.opened(true, { system: "Be long." });
    assert.equal(asks(), true);
  });

  it("ask again in the next new chat where nothing was answered", () => {
    page.chips.opened(true, SETTINGS);
    page.chips.opened(false, SETTINGS);
    assert.equal(asks(), false);
    page.chips.opened(true, SETTINGS);
    assert.equal(asks(), true);
  });

  it("put everything back to its default", () => {
    page.chips.opened(true, SETTINGS);
    press("Reset these settings");
    assert.deepEqual([page.reset, page.area.hidden, asks()], [[{}], true, false]);
  });

  it("do not ask about settings that were changed in this new chat, or in a chat that goes on", () => {
    page.chips.opened(true, {});
    page.chips.show(SETTINGS);
    page.chips.opened(true, SETTINGS);
    assert.equal(asks(), false);
    page.chips.opened(false, SETTINGS);
    assert.equal(asks(), false);
  });
});
