import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import katex from "katex";

import { IdleQueue } from "../../../../frontend/rendering/markdown/idle-queue.js";
import { MathRenderer } from "../../../../frontend/rendering/markdown/math-renderer.js";
import { installDocument, removeDocument } from "../rendered.js";

describe("MathRenderer", () => {
  /** @type {string[]} */
  let loaded;
  /** @type {MathRenderer} */
  let renderer;

  before(installDocument);
  after(removeDocument);

  beforeEach(() => {
    loaded = [];
    const queue = new IdleQueue((then) => then({ timeRemaining: () => 50 }));
    const loadKatex = async () => {
      loaded.push("katex");
      return katex;
    };
    const loadChemistry = () => {
      loaded.push("mhchem");
      return import("katex/contrib/mhchem");
    };
    renderer = new MathRenderer(queue, loadKatex, loadChemistry);
  });

  /** @param {string} tex */
  async function rendered(tex) {
    const element = document.createElement("span");
    element.className = "math-source";
    element.append(tex);
    document.body.append(element);
    await renderer.render(element, tex, false);
    return element;
  }

  it("loads KaTeX once, and nothing for chemistry where there is none", async () => {
    for (const tex of ["x^2", "\\cee", "\\push"]) await rendered(tex);
    assert.deepEqual(loaded, ["katex"]);
  });

  it("makes formulas of chemistry", async () => {
    for (const tex of ["\\ce{2H2 + O2 -> 2H2O}", "\\pu{3 mol}"]) {
      const element = await rendered(tex);
      assert.equal(element.querySelector("annotation")?.textContent, tex);
      assert.equal(element.className, "");
    }
    assert.deepEqual(loaded, ["katex", "mhchem"]);
  });

  it("makes formulas of up to 1,000 macros, and leaves those of more as they are", async () => {
    const macros = (/** @type {number} */ count) => `\\def\\a{x}${"\\a ".repeat(count)}`;
    assert.equal((await rendered(macros(900))).className, "");
    assert.equal((await rendered(macros(1100))).className, "math-source");
  });
});
