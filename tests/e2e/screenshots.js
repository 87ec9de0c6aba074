/** Takes the pictures of the README from a real chat: node tests/e2e/screenshots.js [name of a picture ...] */

import { mkdir, writeFile } from "node:fs/promises";

import { Browser } from "./browsers/index.js";
import { SCREENS, Stages } from "./screens.js";
import { STRIP_SCREENS } from "./strip-screens.js";

/** @typedef {import("./browsers/index.js").Look} Look */
/** @typedef {import("./browsers/tab.js").Viewport} Viewport */

/** A phone has more device pixels than CSS pixels; of neither so many that the files get large. */
const DESK = { width: 1180, height: 780 };
const PHONE = { width: 390, height: 780, isMobile: true, deviceScaleFactor: 1.5 };
/** @type {{name: string, screen: string, theme: Look["theme"], viewport: Viewport}[]} */
const PICTURES = [
  { name: "light", screen: "answered", theme: "light", viewport: DESK },
  { name: "dark", screen: "answered", theme: "dark", viewport: DESK },
  { name: "phone", screen: "answered", theme: "light", viewport: PHONE },
  { name: "empty", screen: "empty", theme: "light", viewport: DESK },
  { name: "models", screen: "models-download", theme: "light", viewport: DESK },
  { name: "models-phone", screen: "models-search", theme: "dark", viewport: PHONE },
  { name: "picker", screen: "picker", theme: "light", viewport: DESK },
  { name: "picker-phone", screen: "picker", theme: "dark", viewport: PHONE },
  { name: "loading", screen: "model-loading", theme: "dark", viewport: PHONE },
  { name: "steered", screen: "steered", theme: "dark", viewport: DESK },
  { name: "strip-draft", screen: "drafted", theme: "light", viewport: DESK },
  { name: "strip-steer", screen: "steered", theme: "light", viewport: DESK },
  { name: "strip-tune", screen: "tuned", theme: "light", viewport: DESK },
  { name: "strip-explore", screen: "exploring", theme: "light", viewport: DESK },
  { name: "strip-compare", screen: "comparing", theme: "light", viewport: DESK },
  { name: "connection-lost", screen: "connection-lost", theme: "dark", viewport: PHONE },
];
const wanted = process.argv.slice(2);
const FOLDER = new URL("../../docs/", import.meta.url);

await mkdir(FOLDER, { recursive: true });
const stages = await Stages.start();
try {
  for (const theme of /** @type {const} */ (["light", "dark"])) await takeAll(theme);
} finally {
  await stages.stop();
}

/** @param {Look["theme"]} theme */
async function takeAll(theme) {
  const browser = await Browser.start({ theme, isReducedMotion: true });
  try {
    for (const { name, screen, viewport } of PICTURES.filter((picture) => picture.theme === theme && (wanted.length === 0 || wanted.includes(picture.name)))) {
      const shown = [...SCREENS, ...STRIP_SCREENS].find((each) => each.name === screen);
      if (!shown) throw new Error(`There is no screen ${screen}`);
      const chat = await stages.show(browser, shown, viewport);
      // Without the caret, which blinks.
      await chat.page.evaluate(() => /** @type {HTMLElement | null} */ (document.activeElement)?.blur());
      await writeFile(new URL(`screenshot-${name}.png`, FOLDER), await chat.page.screenshot());
      await chat.leave();
    }
  } finally {
    await browser.stop();
  }
}
