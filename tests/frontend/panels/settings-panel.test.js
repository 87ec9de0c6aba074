import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { Presets } from "../../../frontend/panels/presets.js";
import { SettingsPanel } from "../../../frontend/panels/settings-panel.js";
import { FakeBrowser } from "../fake-storage.js";

/** @typedef {import("../../../frontend/panels/settings.js").Settings} Settings */

describe("The settings panel", () => {
  /** @type {SettingsPanel} */
  let panel;
  /** @type {string[]} ids of the elements that were scrolled into view and focused */
  let events;
  /** @type {Settings[]} */
  let changes;

  /** @type {{Event: typeof Event}} */
  let window;

  before(() => {
    const page = parseHTML("<html><body></body></html>");
    window = page;
    const values = new WeakMap(); // linkedom's value of a select can't be set
    Object.defineProperty(page.HTMLSelectElement.prototype, "value", {
      get() {
        return values.get(this) ?? "";
      },
      set(value) {
        values.set(this, value);
      },
    });
    Object.assign(globalThis, { document: page.document });
  });

  after(() => void Reflect.deleteProperty(globalThis, "document"));

  beforeEach(() => {
    events = [];
    changes = [];
    panel = new SettingsPanel(new Presets(new FakeBrowser().openTab()), async () => {}, {
      settingsChanged: (settings) => changes.push(settings),
    });
    document.body.replaceChildren(panel.element);
    for (const field of panel.element.querySelectorAll("input, textarea, p, button, form")) {
      Object.assign(field, {
        focus: () => events.push(`focus ${field.id}`),
        scrollIntoView: () => events.push(`scroll ${field.id}`),
      });
    }
  });

  it("reveals one field: unfolds its group, scrolls to it, focuses it", () => {
    panel.reveal("json_schema");
    assert.ok(document.getElementById("parameter-json_schema")?.closest("details")?.hasAttribute("open"));
    assert.deepEqual(events, ["scroll parameter-json_schema", "focus parameter-json_schema"]);
    panel.reveal("system");
    assert.deepEqual(events.slice(2), ["scroll system-prompt", "focus system-prompt"]);
    panel.reveal("unheard_of");
    assert.equal(events.length, 4);
  });

  /**
   * @param {string} id
   * @param {string} value
   */
  function enter(id, value) {
    const field = /** @type {HTMLInputElement} */ (document.getElementById(id));
    field.value = value;
    field.dispatchEvent(new window.Event("change"));
  }

  const said = () => panel.element.querySelector(".panel-said")?.firstChild?.textContent ?? "";

  it("names the fields whose text is not valid, and keeps their values", () => {
    enter("parameter-temperature", "0.5");
    enter("parameter-temperature", "7");
    assert.equal(document.getElementById("parameter-temperature-error")?.textContent, "Must be 0–2");
    assert.equal(said(), "Fix: Temperature. The previous value stays in use.");
    enter("parameter-json_schema", "{");
    assert.equal(said(), "Fix: Temperature, JSON schema. The previous values stay in use.");
    enter("parameter-temperature", "1");
    enter("parameter-json_schema", "");
    assert.equal(said(), "");
    assert.deepEqual(changes, [{ params: { temperature: 0.5 } }, { params: { temperature: 1 } }]);
  });

  it("shows where the slider stands, the default without a value", () => {
    const slider = /** @type {HTMLInputElement} */ (document.getElementById("slider-temperature"));
    const position = () => [slider.value, slider.getAttribute("aria-valuetext")];
    assert.deepEqual(position(), ["0.8", "0.8 (default)"]);
    slider.value = "1.5";
    slider.dispatchEvent(new window.Event("input"));
    assert.deepEqual(changes, []);
    slider.dispatchEvent(new window.Event("change"));
    assert.deepEqual(changes, [{ params: { temperature: 1.5 } }]);
    panel.show({}, {}, {});
    assert.deepEqual(position(), ["0.8", "0.8 (default)"]);
  });

  it("writes a number as it is understood", () => {
    const field = /** @type {HTMLInputElement} */ (document.getElementById("parameter-temperature"));
    for (const [typed, shown] of /** @type {const} */ ([["１．５", "1.5"], [" +1 ", "1"], ["1e-1", "0.1"], ["0.30", "0.3"]])) {
      enter("parameter-temperature", typed);
      const slider = /** @type {HTMLInputElement} */ (document.getElementById("slider-temperature"));
      assert.deepEqual([field.value, slider.value], [shown, shown]);
    }
  });

  it("shows the model's own defaults", () => {
    const field = /** @type {HTMLInputElement} */ (document.getElementById("parameter-temperature"));
    const slider = /** @type {HTMLInputElement} */ (document.getElementById("slider-temperature"));
    const shown = () => [field.placeholder, slider.value, slider.getAttribute("aria-valuetext")];
    panel.showFacts({ sampling: { temperature: 0.3 } }, {});
    assert.deepEqual(shown(), ["0.3", "0.3", "0.3 (default)"]);
    enter("parameter-temperature", "1");
    panel.showFacts({ sampling: { temperature: 0.6 } }, {});
    assert.deepEqual(shown(), ["0.6", "1", "1"]);
    enter("parameter-temperature", "");
    assert.deepEqual(shown(), ["0.6", "0.6", "0.6 (default)"]);
    panel.showFacts({}, {});
    assert.deepEqual(shown(), ["0.8", "0.8", "0.8 (default)"]);
  });

  it("counts what is changed in a folded group, and shows the model's facts last", () => {
    panel.show({ params: { top_k: 3, min_p: 0.1, seed: 1 } }, { name: "Starter" }, {});
    const counts = [...panel.element.querySelectorAll("summary")].map(({ textContent }) => textContent);
    assert.deepEqual(counts, ["Sampling2 changed", "Repetition penalties", "Repeated phrases (DRY)", "Output format", "Tools"]);
    assert.equal(panel.element.querySelector(".settings-rows")?.lastElementChild?.textContent, "ModelNameStarter");
  });

  it("offers a choice of calls while there are functions, and says when the chosen one is gone", () => {
    const choice = () => /** @type {HTMLSelectElement} */ (document.getElementById("parameter-tool_choice"));
    const [add, sum] = ["add", "sum"].map((name) => ({ type: /** @type {const} */ ("function"), function: { name } }));
    const isHidden = () => choice().closest(".field")?.hasAttribute("hidden");
    assert.equal(isHidden(), true);
    enter("parameter-tools", '[{"name": "add"}, {"name": "sum"}]');
    assert.equal(isHidden(), false);
    assert.deepEqual([...choice().querySelectorAll("option")].map(({ textContent }) => textContent), ["Automatic", "Always call one", "Never", "Always add", "Always sum"]);
    enter("parameter-tool_choice", "function:sum");
    enter("parameter-temperature", "1");
    assert.deepEqual(changes.at(-1), { params: { temperature: 1 }, tools: [add, sum], tool_choice: sum });
    enter("parameter-tools", '[{"name": "add"}]');
    assert.deepEqual(changes.at(-1), { params: { temperature: 1 }, tools: [add] });
    assert.deepEqual([choice().value, said()], ["", "“Always sum” no longer applies: that function is gone. The model decides."]);
    enter("parameter-tool_choice", "none");
    enter("parameter-tools", "");
    assert.deepEqual([changes.at(-1), isHidden(), said()], [{ params: { temperature: 1 } }, true, ""]);
    panel.show({ tools: /** @type {any} */ ([sum]), tool_choice: "required" }, {}, {});
    assert.deepEqual([choice().value, isHidden()], ["required", false]);
  });

  it("resets all, says so, and takes it back", () => {
    panel.show({ system: "Be brief.", params: { seed: 1 }, truncation: "disabled" }, {}, {});
    const press = (/** @type {string} */ label) => {
      [...panel.element.querySelectorAll("button")].find(({ textContent }) => textContent === label)?.dispatchEvent(new window.Event("click"));
    };
    press("Reset all");
    assert.equal(said(), "Reset to defaults");
    press("Undo");
    assert.equal(said(), "Settings restored");
    assert.deepEqual(changes, [{ truncation: "disabled" }, { system: "Be brief.", params: { seed: 1 }, truncation: "disabled" }]);
  });
});
