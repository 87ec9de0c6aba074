/** Draws the icons of the installed page from icon.svg: node tests/e2e/icons.js */

import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { Browser } from "./browser.js";

const FRONTEND = new URL("../../frontend/", import.meta.url);
/** The icon's own ground, for where a system cuts its own shape out of it. */
const GROUND = "#0f766e";

/**
 * @typedef {object} Icon
 * @property {number} size pixels
 * @property {number} scale of the drawing within it
 * @property {boolean} isFilled whether the ground reaches the edges
 */
/** @type {Record<string, Icon>} */
const ICONS = {
  "icon-192": { size: 192, scale: 1, isFilled: false },
  "icon-512": { size: 512, scale: 1, isFilled: false },
  "icon-maskable-512": { size: 512, scale: 0.8, isFilled: true },
  "apple-touch-icon": { size: 180, scale: 0.9, isFilled: true },
};

const drawing = await readFile(new URL("icon.svg", FRONTEND), "utf8");
await mkdir(new URL("icons/", FRONTEND), { recursive: true });
const browser = await Browser.start();
try {
  const page = await browser.newPage();
  for (const [name, icon] of Object.entries(ICONS)) await draw(page, name, icon);
} finally {
  await browser.stop();
}

/**
 * @param {import("puppeteer-core").Page} page
 * @param {string} name
 * @param {Icon} icon
 */
async function draw(page, name, { size, scale, isFilled }) {
  await page.setViewport({ width: size, height: size });
  const ground = isFilled ? GROUND : "transparent";
  await page.setContent(`<style>
    body { display: grid; place-items: center; height: 100vh; margin: 0; background: ${ground}; }
    svg { width: ${size * scale}px; height: ${size * scale}px; }
  </style>${drawing}`);
  const path = /** @type {`${string}.png`} */ (fileURLToPath(new URL(`icons/${name}.png`, FRONTEND)));
  await page.screenshot({ path, omitBackground: true });
}
