import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { ArrivingView } from "../../../frontend/rendering/arriving-view.js";

const MIB = 2 ** 20;

describe("The line about a model that is being downloaded", () => {
  it("has its name and a bar, until it is here", () => {
    const { document } = parseHTML("<div hidden><span></span><progress></progress></div>");
    const [line, words] = /** @type {HTMLElement[]} */ ([document.querySelector("div"), document.querySelector("span")]);
    const bar = /** @type {HTMLProgressElement} */ (document.querySelector("progress"));
    const elements = /** @type {import("../../../frontend/rendering/arriving-view.js").ArrivingElements} */ ({ line, words, bar });
    const view = new ArrivingView(elements);
    view.show([{ name: "starter", state: "loaded" }]);
    assert.equal(elements.line.hidden, true);
    view.show([{ name: "starter", state: "loaded" }, { name: "smollm2-135m", state: "downloading", done: 40 * MIB, total: 94 * MIB }]);
    assert.deepEqual([elements.line.hidden, elements.words.textContent], [false, "Getting SmolLM2 135M · 40 MiB of 94 MiB"]);
    assert.deepEqual([elements.bar.value, elements.bar.max], [40 * MIB, 94 * MIB]);
    assert.equal(elements.bar.hidden, false);
    view.show([{ name: "starter", state: "loaded" }, { name: "smollm2-135m", state: "downloading", done: 40 * MIB, total: 94 * MIB, error: "no network" }]);
    assert.deepEqual([elements.line.hidden, elements.bar.hidden], [false, true]);
    assert.equal(elements.words.textContent, "SmolLM2 135M could not be downloaded. The reason is in Settings, Models.");
    view.show([{ name: "smollm2-135m", state: "loaded" }, { name: "starter", state: "loaded" }]);
    assert.equal(elements.line.hidden, true);
  });
});
