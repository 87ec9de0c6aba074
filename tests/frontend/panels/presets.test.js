import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { KEY, MAX_PRESETS, Presets, applied, currentPreset } from "../../../frontend/panels/presets.js";
import { readSettings } from "../../../frontend/panels/settings.js";
import { FakeBrowser } from "../fake-storage.js";

describe("Presets", () => {
  /** @type {import("../fake-storage.js").FakeTab} */
  let tab;
  /** @type {Presets} */
  let presets;

  beforeEach(() => {
    tab = new FakeBrowser().openTab();
    presets = new Presets(tab);
  });

  /** @param {string} name */
  function preset(name) {
    const found = presets.all.find((each) => each.name === name);
    assert.ok(found, name);
    return found;
  }

  it("begins with three of ours, whose values the server takes", () => {
    assert.deepEqual(presets.all.map(({ name }) => name), ["Balanced", "Precise", "Creative"]);
    for (const { settings } of presets.all) assert.deepEqual(readSettings(settings).params ?? {}, settings.params);
  });

  it("changes the style alone by one of ours", () => {
    const before = { system: "Be brief.", params: { temperature: 1.9, xtc_probability: 0.5, max_tokens: 50 } };
    const after = applied(preset("Precise"), before);
    assert.deepEqual(after, { system: "Be brief.", params: { max_tokens: 50, temperature: 0.2, top_p: 0.9 } });
    assert.deepEqual(applied(preset("Balanced"), after), { system: "Be brief.", params: { max_tokens: 50 } });
  });

  it("knows which one the settings equal", () => {
    const current = (/** @type {import("../../../frontend/panels/settings.js").Settings} */ settings, chosen = "") => {
      return currentPreset(presets.all, settings, chosen)?.name;
    };
    assert.equal(current({ params: { seed: 7 } }), "Balanced");
    assert.equal(current({ params: { top_p: 0.9, temperature: 0.2 } }), "Precise");
    assert.equal(current({ params: { temperature: 0.21 } }), undefined);
  });

  it("finds one alone where several equal the settings: the chosen one, else the user's own", () => {
    const settings = { params: { temperature: 0.2, top_p: 0.9 } };
    for (const name of ["Mine", "Also mine"]) presets.save(name, settings);
    const current = (/** @type {string} */ chosen) => currentPreset(presets.all, settings, chosen)?.name;
    assert.equal(current(""), "Mine");
    assert.equal(current("Also mine"), "Also mine");
    assert.equal(current("Precise"), "Precise");
    assert.equal(current("Creative"), "Mine");
    assert.equal(current("deleted meanwhile"), "Mine");
  });

  it("leaves the choice for a full context alone", () => {
    presets.save("Mine", { params: { seed: 1 }, truncation: "auto" });
    assert.deepEqual(applied(preset("Mine"), { system: "Be brief.", truncation: "disabled" }), { params: { seed: 1 }, truncation: "disabled" });
  });

  it("puts a deleted one back where it was", () => {
    for (const name of ["One", "Two", "Three"]) presets.save(name, { params: { seed: 2 } });
    const restore = presets.remove("Two");
    assert.deepEqual(presets.all.slice(3).map(({ name }) => name), ["One", "Three"]);
    restore();
    assert.deepEqual(presets.all.slice(3).map(({ name }) => name), ["One", "Two", "Three"]);
    restore();
    assert.equal(presets.all.length, 6);
  });

  it("keeps a person's own, which replaces everything", () => {
    assert.equal(presets.save(" Terse ", { system: "Be brief.", params: { max_tokens: 20 } }), "");
    const own = new Presets(tab).all.at(-1);
    assert.equal(own?.name, "Terse");
    assert.ok(own);
    assert.deepEqual(applied(own, { params: { seed: 1 } }), { system: "Be brief.", params: { max_tokens: 20 } });
    presets.save("Terse", { params: { max_tokens: 10 } });
    assert.equal(presets.all.length, 4);
    presets.remove("Terse");
    assert.equal(presets.all.length, 3);
  });

  it("says what is wrong with a name", () => {
    assert.equal(presets.save(" ", {}), "Enter a name.");
    assert.equal(presets.save("x".repeat(41), {}), "Use at most 40 characters.");
    assert.equal(presets.save("balanced", {}), "balanced is a built-in preset. Choose another name.");
    for (let index = 0; index < MAX_PRESETS; index += 1) assert.equal(presets.save(`p${index}`, {}), "");
    assert.equal(presets.save("one more", {}), `You have ${MAX_PRESETS} presets. Delete one first.`);
    assert.equal(presets.save("p0", {}), "");
  });

  it("says so where the browser keeps nothing", () => {
    const deaf = new Presets({ read: () => null, write: () => {} });
    assert.match(deaf.save("Terse", {}), /can't save presets/);
  });

  it("does without what another version has kept", () => {
    for (const rubbish of [3, "x", [null, 3, { name: 3 }], { name: "x" }]) {
      tab.write(KEY, rubbish);
      assert.equal(presets.all.length, 3);
    }
  });
});
