import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { ModelPicker } from "../../../frontend/rendering/model-picker.js";

/** @param {string[]} names */
const entries = (...names) => names.map((name) => ({ name, state: "loaded", context: 2048 }));

describe("The model picker", () => {
  /** @type {{choice: HTMLSelectElement, name: HTMLElement}} */
  let elements;
  /** @type {ModelPicker} */
  let picker;

  before(() => void Object.assign(globalThis, { document: parseHTML("<html><body></body></html>").document }));
  after(() => void Reflect.deleteProperty(globalThis, "document"));

  beforeEach(() => {
    elements = { choice: document.createElement("select"), name: document.createElement("p") };
    elements.choice.hidden = true;
    Object.defineProperty(elements.choice, "value", { value: "", writable: true }); // linkedom's can't be set
    picker = new ModelPicker(elements);
  });

  const labels = () => [...elements.choice.querySelectorAll("option")].map(({ textContent }) => textContent);

  it("is only shown where there is a choice", () => {
    picker.offer(entries("One"));
    assert.deepEqual([elements.choice.hidden, elements.name.hidden], [true, false]);
    picker.offer(entries("One", "Two"));
    assert.deepEqual([elements.choice.hidden, elements.name.hidden], [false, true]);
  });

  it("has short names, and full ones where these would be the same", () => {
    picker.offer(entries("qwen-3-4b", "smollm2-135m-q4_0", "smollm2-135m-q8_0"));
    assert.deepEqual(labels(), ["Qwen 3 4B", "smollm2-135m-q4_0", "smollm2-135m-q8_0"]);
  });

  it("groups the models by whether they answer at once, says what the others need, and keeps the choice", () => {
    const disk = { name: "big", state: "on_disk", context: 2048, needs: 3 * 1024 ** 3, title: "Big 7B" };
    picker.offer([...entries("One"), disk, { ...disk, name: "bad", title: "Bad", state: "failed", error: "cut" }]);
    picker.show("big");
    const groups = [...elements.choice.querySelectorAll("optgroup")];
    assert.deepEqual(groups.map((group) => group.getAttribute("label")), ["Loaded", "Loaded when needed"]);
    assert.deepEqual(labels(), ["One", "Big 7B · needs 3 GiB", "Bad · failed"]);
    picker.offer([...entries("One"), { ...disk, state: "loading" }]);
    assert.deepEqual([labels(), elements.choice.value], [["One", "Big 7B · loading"], "big"]);
    picker.offer([...entries("One"), { ...disk, state: "failed", error: "cut" }]);
    picker.show("big");
    assert.equal(elements.choice.title, "big: cut");
  });

  it("shows the chat's model, and the default one where the server has none of that name", () => {
    picker.offer(entries("One", "Two"));
    for (const [chosen, shown] of [["Two", "Two"], [undefined, "One"], ["Three", "One"]]) {
      picker.show(chosen);
      assert.deepEqual([elements.choice.value, elements.choice.title], [shown, shown]);
    }
  });
});
