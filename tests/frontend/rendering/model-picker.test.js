import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { ModelPicker } from "../../../frontend/rendering/model-picker.js";
import { givePopovers } from "../ui/fake-popover.js";

const GB = 2 ** 30;
/** @param {string[]} names */
const entries = (...names) => names.map((name) => ({ name, state: "loaded", context: 2048 }));
const FILE = { name: "", full_name: "", place: "streamui", size: 2 * GB, quantization: "Q4_K_M", parameters: "7B", context: 4096, needs: 3 * GB, fits: true, in_use: false, removable: true };
const LOCAL = {
  models: [{ ...FILE, name: "big", full_name: "ollama/library/big" }, { ...FILE, name: "linked-3b", full_name: "jan/linked-3b" }],
  suggested: [{ source: "smollm2-135m", about: "A small model.", size: 98_400_000 }],
  memory_free: 9 * GB, model_memory: 8 * GB, disk_free: null, may_get: true, offline: false,
};

describe("The model picker", () => {
  const { document, window } = parseHTML("<html><body></body></html>");
  /** @type {{button: HTMLButtonElement, chosen: HTMLElement, name: HTMLElement}} */
  let elements;
  /** @type {ModelPicker} */
  let picker;
  /** @type {unknown[]} */
  let acted;
  /** @type {import("../../../frontend/panels/models-api.js").LocalModels | Error} */
  let local;

  before(() => {
    givePopovers(window);
    Object.assign(globalThis, { document, window, Element: window.Element, HTMLElement: window.HTMLElement, Node: window.Node, matchMedia: () => ({ matches: false }) });
  });
  after(() => {
    for (const name of ["document", "window", "Element", "HTMLElement", "Node", "matchMedia"]) Reflect.deleteProperty(globalThis, name);
  });

  beforeEach(() => {
    elements = { button: document.createElement("button"), chosen: document.createElement("span"), name: document.createElement("p") };
    document.body.replaceChildren(elements.button);
    acted = [];
    local = new Error("The server can't be reached.");
    const list = () => (local instanceof Error ? Promise.reject(local) : Promise.resolve(local));
    picker = new ModelPicker(elements, { list, manage: () => acted.push("manage"), download: (source) => acted.push({ source }) });
    picker.start({ modelChosen: (model) => acted.push({ model }) });
  });

  const popover = () => /** @type {HTMLElement} */ (document.querySelector(".chooser"));
  /** Opens the list, once the facts have arrived or could not. */
  const open = async () => {
    popover().showPopover();
    await Promise.resolve();
    await Promise.resolve();
  };
  const groups = () => Object.fromEntries([...document.querySelectorAll(".chooser-group")].map((group) => [
    group.firstElementChild?.textContent, [...group.querySelectorAll(".chooser-option")].map(({ textContent }) => textContent),
  ]));
  /** @param {string} value */
  const press = (value) => document.querySelector(`[data-value="${value}"]`)?.dispatchEvent(new window.Event("click", { bubbles: true }));

  it("is only shown where there is a choice", () => {
    picker.offer(entries("One"));
    assert.deepEqual([elements.button.hidden, elements.name.hidden], [true, false]);
    picker.offer(entries("One", "Two"));
    assert.deepEqual([elements.button.hidden, elements.name.hidden], [false, true]);
  });

  it("has short names, and full ones where these would be the same", async () => {
    picker.offer(entries("qwen-3-4b", "smollm2-135m-q4_0", "smollm2-135m-q8_0"));
    await open();
    assert.deepEqual([...document.querySelectorAll(".chooser-name")].map(({ textContent }) => textContent), ["Qwen 3 4B", "smollm2-135m-q4_0", "smollm2-135m-q8_0"]);
  });

  it("shows the chat's model, and the default one where the server has none of that name", () => {
    picker.offer(entries("One", "Two"));
    for (const [chosen, shown] of [["Two", "Two"], [undefined, "One"], ["Three", "One"]]) {
      picker.show(chosen);
      assert.deepEqual([elements.chosen.textContent, elements.button.title, elements.button.ariaLabel], [shown, shown, `Model: ${shown}`]);
    }
  });

  it("says at its button that the model is being loaded, or why it could not be", async () => {
    const disk = { name: "big", context: 2048, title: "Big 7B" };
    picker.show("big");
    picker.offer([...entries("One"), { ...disk, state: "loading", done: 299, total: 1000 }]);
    assert.equal(elements.chosen.textContent, "Big 7B · loading, 29%");
    picker.offer([...entries("One"), { ...disk, state: "failed", error: "cut" }]);
    assert.deepEqual([elements.chosen.textContent, elements.button.title], ["Big 7B · could not be loaded", "big: cut"]);
    picker.offer([...entries("One"), { ...disk, state: "failed", error: "cut", template: "upstream" }]);
    assert.equal(elements.chosen.textContent, "Big 7B · can't be reached");
    assert.equal(elements.button.title, "big: its server can't be reached");
    await open();
    assert.match(groups()["On other servers"]?.[0] ?? "", /^Big 7B can't be reached .*It answers once its server is back\.$/);
  });

  it("shows a model that is being downloaded, which can't be chosen yet", async () => {
    local = LOCAL;
    picker.offer([...entries("One"), { name: "smollm2-135m", state: "downloading", done: 40, total: 100 }]);
    await open();
    assert.deepEqual(groups(), {
      Loaded: ["One context 2,048"],
      "On this machine": groups()["On this machine"],
      "To download": ["SmolLM2 135M downloading, 40%"],
    });
    press("smollm2-135m");
    assert.deepEqual(acted, []);
  });

  it("offers a model again whose download has failed", async () => {
    local = LOCAL;
    picker.offer([...entries("One"), { name: "smollm2-135m", state: "downloading", done: 40, total: 100, error: "no network" }]);
    await open();
    assert.deepEqual(groups()["To download"], ["SmolLM2 135M A small model."]);
  });

  it("groups the models by what has to happen first, with what each needs", async () => {
    local = LOCAL;
    const disk = { name: "big", state: "on_disk", context: 8192, size: 2 * GB, needs: 3 * GB, title: "Big 7B" };
    picker.offer([...entries("One"), disk, { ...disk, name: "huge", title: "Huge", needs: 9 * GB }, { ...disk, name: "bad", title: "Bad", state: "failed", error: "the file is cut" }]);
    await open();
    assert.deepEqual(groups(), {
      Loaded: ["One context 2,048"],
      "On this machine": [
        "Big 7B Q4_K_M · 2.0 GiB · context 8,192 · needs 3.0 GiB of memory",
        "Huge 2.0 GiB · context 8,192 Too large: it needs 9.0 GiB of memory, and models may use 8.0 GiB on this server.",
        "Bad could not be loaded · 2.0 GiB · context 8,192 · needs 3.0 GiB of memory The file is cut",
        "Linked 3B Q4_K_M · 2.0 GiB · context 4,096 This server doesn't offer this model.",
      ],
      "To download": ["SmolLM2 135M A small model."],
    });
    for (const value of ["huge", "jan/linked-3b"]) press(value);
    assert.deepEqual(acted, []);
    press("bad");
    await open();
    press("get:smollm2-135m");
    assert.deepEqual(acted, [{ model: "bad" }, { source: "smollm2-135m" }]);
  });

  it("offers no downloads to who may not get models, and shows what it knows where the list can't be had", async () => {
    for (const each of [{ ...LOCAL, may_get: false }, { ...LOCAL, offline: true }, new Error("refused")]) {
      local = each;
      picker.offer(entries("One", "Two"));
      await open();
      assert.deepEqual([Object.keys(groups())[0], "To download" in groups()], ["Loaded", false]);
      popover().hidePopover();
    }
  });

  it("leads to the list of models", async () => {
    picker.offer(entries("One", "Two"));
    await open();
    /** @type {HTMLElement} */ (document.querySelector(".chooser-more")).dispatchEvent(new window.Event("click"));
    assert.deepEqual([acted, popover().matches(":popover-open")], [["manage"], false]);
  });
});
