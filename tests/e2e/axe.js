/** Has axe-core look for what keeps people from using the page. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** @typedef {import("./browsers/tab.js").Tab} Tab */

const EVERYTHING = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
/** The rules whose result depends on colours. */
const COLOURS = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
const AXE = fileURLToPath(import.meta.resolve("axe-core/axe.min.js"));

/**
 * @param {Tab} page
 * @returns {Promise<string[]>} what is wrong with it, whatever its impact
 */
export async function violations(page) {
  return await broken(page, EVERYTHING);
}

/**
 * @param {Tab} page
 * @returns {Promise<string[]>} what is wrong with its colours, whatever the impact
 */
export async function colourViolations(page) {
  return await broken(page, COLOURS);
}

/**
 * @param {Tab} page
 * @param {{type: string, values: string[]}} rules
 */
async function broken(page, rules) {
  if (!(await page.evaluate(() => "axe" in window))) await page.run(await readFile(AXE, "utf8"));
  return await page.evaluate(async (runOnly) => {
    const { axe } = /** @type {any} */ (window);
    const found = await axe.run(document, { runOnly, resultTypes: ["violations"] });
    return found.violations.flatMap((/** @type {{id: string, impact: string, nodes: any[]}} */ { id, impact, nodes }) => {
      return nodes.map(({ target, failureSummary }) => `${id} (${impact}) at ${target.join(" ")}: ${failureSummary}`);
    });
  }, rules);
}
