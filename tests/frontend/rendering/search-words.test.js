import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { hitsIn, wordsOf } from "../../../frontend/rendering/search-words.js";

/** @type {{text: string, query: string, hit: string}[]} */
const CASES = JSON.parse(readFileSync(new URL("../../search-cases.json", import.meta.url), "utf8"));

/** @param {string} text @param {string} query */
const hits = (text, query) => hitsIn(text, wordsOf(query)).map(([begin, end]) => text.slice(begin, end));

describe("the words of a search on the page", () => {
  for (const { text, query, hit } of CASES) {
    it(`finds ${query} in ${JSON.stringify(text)}`, () => assert.deepEqual(hits(text, query), [hit]));
  }

  for (const query of ["%", "_", '"', "*", "(", "\\", "--", "[a", "…"]) {
    it(`takes ${query} as text`, () => assert.equal(hits(`some ${query} here`, query).length, 1));
  }

  /** @type {[string, string][]} */
  const absent = [
    ["education", "cat"],
    ["กัน", "กิน"],
    ["👍", "👎"],
    ["你好世界", "界世"],
    ["nothing", "%"],
    ["anything", " "],
  ];
  for (const [text, query] of absent) {
    it(`does not find ${query} in ${text}`, () => assert.deepEqual(hits(text, query), []));
  }

  it("finds every word, each place once", () => {
    assert.deepEqual(hits("Frogs eat; a frog eats 世界.", "frog eat 界 fr"), ["Frogs", "eat", "frog", "eats", "界"]);
  });

  it("takes no longer for a long text", () => {
    assert.equal(hits("世 ".repeat(100_000), "世界").length, 0);
    assert.equal(hits("aaaa ".repeat(50_000), "aaaab a").length, 50_000);
  });
});
