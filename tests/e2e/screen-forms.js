/** The forms in which each screen is looked at: widths, text sizes, themes, with and without the panel. Chromium alone can change them all. */

import { openList } from "./screens.js";

/** @typedef {import("./browsers/index.js").Look} Look */
/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./screens.js").Screen} Screen */
/**
 * @typedef {object} Form
 * @property {number} width CSS pixels
 * @property {number} text size, in per cent
 * @property {boolean} hasPanel
 * @property {Look["theme"]} theme
 */

/** Widths and heights of the windows, in CSS pixels: a small phone, a tablet, a small laptop, a desk. */
export const WINDOWS = [
  { width: 320, height: 640 },
  { width: 768, height: 1024 },
  { width: 1024, height: 768 },
  { width: 1440, height: 900 },
];
export const TEXT_SIZES = [100, 150];
export const THEMES = /** @type {const} */ (["light", "dark"]);

/**
 * Every form of a screen: one row of all widths after the other.
 * @param {Screen} screen
 * @returns {Form[]}
 */
export function formsOf({ place = "chat" }) {
  const panels = { chat: [false, true], panel: [true], list: [false], dialog: [false], outside: [false] }[place];
  return THEMES.flatMap((theme) =>
    TEXT_SIZES.flatMap((text) => panels.flatMap((hasPanel) => WINDOWS.map(({ width }) => ({ width, text, hasPanel, theme })))),
  );
}

/**
 * Brings a page into a form. The panel is opened at the width, since it covers the chat where there is no room beside it.
 * @param {ChatPage} chat
 * @param {Screen} screen that it shows
 * @param {Form} form
 */
export async function takeForm(chat, { place, renew }, { width, text, hasPanel, theme }) {
  const { page } = chat;
  const height = WINDOWS.find((window) => window.width === width)?.height ?? 800;
  await page.evaluate(closePanel);
  await page.setViewport({ width, height });
  await page.devtools.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  await page.evaluate((size) => {
    document.documentElement.style.fontSize = size === 100 ? "" : `${size}%`;
    window.dispatchEvent(new Event("resize")); // first-paint.js measures again
  }, text);
  await page.waitFor((wanted) => innerWidth === wanted, width);
  await page.evaluate(isPainted);
  if (place === "list") await openList(chat);
  await renew?.(chat);
  if (hasPanel) await openPanel(chat);
}

/** @param {ChatPage} chat */
async function openPanel({ page }) {
  await page.evaluate(() => document.getElementById("settings-button")?.click());
  await page.waitForSelector("#side-panel[open]");
  await page.evaluate(isPainted);
}

/** Runs in the page. */
function closePanel() {
  const panel = /** @type {HTMLDialogElement | null} */ (document.querySelector("#side-panel[open]"));
  panel?.close();
}

/** Runs in the page: lets observers of sizes do their work, which they do before the next frame. */
async function isPainted() {
  for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}
