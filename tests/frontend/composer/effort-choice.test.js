import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { EffortChoice } from "../../../frontend/composer/effort-choice.js";

describe("The choice of how much the model thinks", () => {
  const { document, window } = parseHTML("<html><body></body></html>");
  /** @type {HTMLSelectElement} */
  let select;
  /** @type {EffortChoice} */
  let choice;
  /** @type {(string | undefined)[]} */
  let chosen;

  before(() => void Object.assign(globalThis, { document }));
  after(() => void Reflect.deleteProperty(globalThis, "document"));

  beforeEach(() => {
    select = document.createElement("select");
    Object.defineProperty(select, "value", { value: "", writable: true }); // linkedom's can't be set
    choice = new EffortChoice(select);
    chosen = [];
    choice.start({ effortChosen: (effort) => void chosen.push(effort) });
  });

  const words = () => [...select.querySelectorAll("option")].map(({ textContent }) => textContent);

  it("is only shown for a model that offers one that the page knows", () => {
    for (const [efforts, hidden] of /** @type {[string[], boolean][]} */ ([[[], true], [["deeply"], true], [["none"], false]])) {
      choice.show(efforts, undefined);
      assert.equal(select.hidden, hidden);
    }
  });

  it("is a switch where thinking can only be switched off, else a list of levels", () => {
    choice.show(["none"], undefined);
    assert.deepEqual(words(), ["Thinking: on", "Thinking: off"]);
    choice.show(["none", "low", "deeply", "high"], "low");
    assert.deepEqual(words(), ["Thinking: default", "Thinking: off", "Thinking: low", "Thinking: high"]);
    assert.equal(select.value, "low");
  });

  it("shows the default where the model doesn't offer the chat's effort", () => {
    choice.show(["none"], "high");
    assert.equal(select.value, "");
  });

  it("reports the choice, and the default as none", () => {
    choice.show(["none", "low", "high"], undefined);
    for (const value of ["low", ""]) {
      select.value = value;
      select.dispatchEvent(new window.Event("change"));
    }
    assert.deepEqual(chosen, ["low", undefined]);
  });
});
