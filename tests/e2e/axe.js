/** Has axe-core look for what keeps people from using the page. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** @typedef {import("./browsers/tab.js").Tab} Tab */

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const AXE = fileURLToPath(import.meta.resolve("axe-core/axe.min.js"));

/**
 * @param {Tab} page
 * @returns {Promise<string[]>} what is wrong with it, whatever its impact
 */
export async function violations(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.run(await readFile(AXE, "utf8"));
  return await page.evaluate(async (tags) => {
    const { axe } = /** @type {any} */ (window);
    const found = await axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
    return found.violations.flatMap((/** @type {{id: string, impact: string, nodes: any[]}} */ { id, impact, nodes }) => {
      return nodes.map(({ target, failureSummary }) => `${id} (${impact}) at ${target.join(" ")}: ${failureSummary}`);
    });
  }, TAGS);
}
