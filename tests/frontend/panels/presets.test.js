import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { KEY, MAX_PRESETS, Presets, applied, isInForce } from "../../../frontend/panels/presets.js";
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

  it("knows which ones are in force", () => {
    assert.equal(isInForce(preset("Balanced"), { params: { seed: 7 } }), true);
    assert.equal(isInForce(preset("Precise"), { params: { top_p: 0.9, temperature: 0.2 } }), true);
    assert.equal(isInForce(preset("Precise"), {}), false);
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
    assert.equal(presets.save(" ", {}), "Name: give the preset a name.");
    assert.equal(presets.save("x".repeat(41), {}), "Name: use 40 characters at most.");
    assert.equal(presets.save("balanced", {}), "Name: balanced is a built-in preset; choose another name.");
    for (let index = 0; index < MAX_PRESETS; index += 1) assert.equal(presets.save(`p${index}`, {}), "");
    assert.equal(presets.save("one more", {}), `There are ${MAX_PRESETS} presets already; delete one first.`);
    assert.equal(presets.save("p0", {}), "");
  });

  it("says so where the browser keeps nothing", () => {
    const deaf = new Presets({ read: () => null, write: () => {} });
    assert.match(deaf.save("Terse", {}), /keeps nothing/);
  });

  it("does without what another version has kept", () => {
    for (const rubbish of [3, "x", [null, 3, { name: 3 }], { name: "x" }]) {
      tab.write(KEY, rubbish);
      assert.equal(presets.all.length, 3);
    }
  });
});
