import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { wellFormed, wellFormedJson } from "../../../frontend/protocol/well-formed.js";

const [HIGH, LOW, FACE] = ["\ud83d", "\ude00", "\ud83d\ude00"];

describe("wellFormed", () => {
  for (const [text, repaired] of [
    ["", ""],
    ["plain", "plain"],
    [FACE, FACE],
    [HIGH, "\ufffd"],
    [LOW, "\ufffd"],
    [`a${HIGH}b${LOW}c`, "a\ufffdb\ufffdc"],
    [`${LOW}${HIGH}`, "\ufffd\ufffd"],
    [`${HIGH}${FACE}${LOW}`, `\ufffd${FACE}\ufffd`],
    ["\\ud83d", "\\ud83d"],
    ["\u0000\ufeff", "\u0000\ufeff"],
  ]) {
    it(`replaces each half of a pair in ${JSON.stringify(text)}`, () => assert.equal(wellFormed(/** @type {string} */ (text)), repaired));
  }
});

describe("wellFormedJson", () => {
  it("repairs every string and every key, however deep", () => {
    const value = { [HIGH]: [{ stop: [LOW, FACE] }], plain: 7, none: null, yes: true, escape: "\\ud83d" };
    const repaired = { "\ufffd": [{ stop: ["\ufffd", FACE] }], plain: 7, none: null, yes: true, escape: "\\ud83d" };
    assert.deepEqual(JSON.parse(wellFormedJson(value)), repaired);
  });

  it("is what JSON.stringify says where nothing is to be repaired", () => {
    const value = { a: [FACE, "\\ud83d", { b: null }] };
    assert.equal(wellFormedJson(value), JSON.stringify(value));
  });
});
