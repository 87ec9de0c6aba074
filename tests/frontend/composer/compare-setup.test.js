import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { CompareSetup } from "../../../frontend/composer/compare-setup.js";
import { Presets } from "../../../frontend/panels/presets.js";
import { FakeBrowser } from "../fake-storage.js";

/** @param {string[]} names */
const models = (...names) => names.map((name) => ({ name, words: name.toUpperCase(), isDisabled: name === "broken" }));

describe("The set-up of a comparison", () => {
  const { document, window } = parseHTML("<html><body></body></html>");
  /** @type {CompareSetup} */
  let setup;
  /** @type {Presets} */
  let presets;
  /** @type {{button: HTMLButtonElement, area: HTMLElement, list: HTMLElement, addButton: HTMLButtonElement}} */
  let elements;
  /** @type {string | undefined} */
  let chosen;

  before(() => {
    const createElement = document.createElement.bind(document);
    document.createElement = (/** @type {string} */ name) => {
      const element = createElement(name);
      if (name === "select") Object.defineProperty(element, "value", { value: "", writable: true }); // linkedom's can't be set
      return element;
    };
    Object.assign(globalThis, { document, HTMLInputElement: window.HTMLInputElement });
  });
  after(() => {
    for (const name of ["document", "HTMLInputElement"]) Reflect.deleteProperty(globalThis, name);
  });

  beforeEach(() => {
    chosen = undefined;
    presets = new Presets(new FakeBrowser().openTab());
    elements = { button: document.createElement("button"), area: document.createElement("section"), list: document.createElement("ol"), addButton: document.createElement("button") };
    elements.area.append(elements.list, elements.addButton);
    setup = new CompareSetup(elements, { presets: () => presets.all, model: () => chosen, ready: () => {} });
    setup.start();
  });

  const rows = () => [...elements.list.querySelectorAll(".compare-row")];
  const choice = (/** @type {number} */ row, /** @type {string} */ name) => /** @type {any} */ (rows()[row]?.querySelector(`[aria-label="${name}"]`));
  const seedOf = (/** @type {number} */ row) => {
    const label = [...(rows()[row]?.querySelectorAll("label") ?? [])].find(({ textContent }) => textContent === "Seed");
    return /** @type {any} */ (label?.querySelector("input"));
  };

  /** @param {string[]} names */
  function open(...names) {
    setup.offerModels(models(...names));
    setup.offer(true);
    elements.button.click();
  }

  it("opens at its button and closes there", () => {
    open("a", "b");
    assert.deepEqual([setup.isOpen, elements.button.ariaExpanded], [true, "true"]);
    elements.button.click();
    assert.deepEqual([setup.isOpen, elements.button.ariaExpanded], [false, "false"]);
  });

  it("begins with two answers: the chat's model and another one that can answer", () => {
    chosen = "b";
    open("a", "broken", "b");
    assert.deepEqual(setup.answers({}), [{ label: "B", model: "b" }, { label: "A", model: "a" }]);
  });

  it("names no model where the server has one, and lets each answer have a seed of its own", () => {
    open("a");
    assert.equal(choice(0, "Model").hidden, true);
    assert.deepEqual(setup.answers({}), [{ label: "Answer 1" }, { label: "Answer 2" }]);
    const seeded = { params: { seed: 7 } };
    assert.deepEqual(setup.answers(seeded), [{ label: "Answer 1", params: { seed: -1 } }, { label: "Answer 2", params: { seed: -1 } }]);
    seedOf(1).value = "12";
    assert.deepEqual(setup.answers(seeded)[1], { label: "Seed 12", params: { seed: 12 } });
  });

  it("gives an answer the parameters of a preset", () => {
    presets.save("Mine", { system: "Be brief.", params: { temperature: 0.7, seed: 3 } });
    open("a");
    choice(0, "Settings").value = "Precise";
    choice(1, "Settings").value = "Mine";
    assert.deepEqual(setup.answers({}), [
      { label: "Precise", params: { temperature: 0.2, top_p: 0.9 } }, { label: "Mine", params: { temperature: 0.7, seed: 3 } },
    ]);
  });

  it("tells apart answers that have the same", () => {
    open("a", "b");
    choice(1, "Model").value = "a";
    assert.deepEqual(setup.answers({}).map(({ label }) => label), ["A (1)", "A (2)"]);
  });

  it("has two to four answers", () => {
    open("a", "b");
    const removes = () => rows().map((row) => /** @type {any} */ (row.querySelector(".icon-button")).hidden);
    assert.deepEqual(removes(), [true, true]);
    elements.addButton.click();
    elements.addButton.click();
    assert.deepEqual([rows().length, elements.addButton.hidden, removes()], [4, true, [false, false, false, false]]);
    assert.ok(rows()[0]);
    /** @type {any} */ (rows()[0]).querySelector(".icon-button").click();
    assert.deepEqual([rows().length, elements.addButton.hidden], [3, false]);
    assert.deepEqual(rows().map((row) => row.getAttribute("aria-label") ?? row.ariaLabel), ["Answer 1", "Answer 2", "Answer 3"]);
  });

  it("moves the focus to the first choice of an answer that is added", () => {
    for (const names of [["a"], ["a", "b"]]) {
      open(...names);
      const focused = /** @type {string[]} */ ([]);
      /** @type {any} */ (window).HTMLElement.prototype.focus = function () { focused.push(this.getAttribute("aria-label")); };
      elements.addButton.click();
      assert.deepEqual(focused, [names.length === 1 ? "Settings" : "Model"]);
      elements.button.click();
    }
  });

  it("keeps what was chosen when the models change, and when it is closed", () => {
    open("a", "b");
    choice(0, "Model").value = "b";
    choice(0, "Settings").value = "Creative";
    setup.offerModels(models("a", "b", "c"));
    setup.close();
    open("a", "b", "c");
    assert.deepEqual([choice(0, "Model").value, choice(0, "Settings").value], ["b", "Creative"]);
  });

  it("empties a seed that is none", () => {
    open("a");
    const seed = seedOf(0);
    for (const wrong of ["-2", "1.5", "4294967296", "1e3"]) {
      seed.value = wrong;
      seed.dispatchEvent(new window.Event("change"));
      assert.equal(seed.value, "", wrong);
    }
    seed.value = "4294967295";
    seed.dispatchEvent(new window.Event("change"));
    assert.equal(seed.value, "4294967295");
  });

  it("closes and can't be opened while no comparison can begin", () => {
    open("a", "b");
    setup.offer(false);
    assert.deepEqual([setup.isOpen, elements.button.disabled], [false, true]);
  });
});
