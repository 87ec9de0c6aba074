/**
 * Takes every screen in every form, for a person to look at: node tests/e2e/all-screens.js [name of a screen ...]
 * The pictures lie in build/screens/, and index.html there shows them side by side.
 */

import { mkdir, writeFile } from "node:fs/promises";

import { Browser } from "./browsers/index.js";
import { contactSheet } from "./contact-sheet.js";
import { formsOf, takeForm } from "./screen-forms.js";
import { SCREENS, Stages } from "./screens.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./contact-sheet.js").Picture} Picture */
/** @typedef {import("./screen-forms.js").Form} Form */
/** @typedef {import("./screens.js").Screen} Screen */

const FOLDER = new URL("../../build/screens/", import.meta.url);
const DESK = { width: 1440, height: 900 };

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !SCREENS.some((screen) => screen.name === name));
if (unknown.length > 0) throw new Error(`There is no screen ${unknown.join(", ")}. Screens: ${SCREENS.map(({ name }) => name).join(", ")}`);

await mkdir(FOLDER, { recursive: true });
const stages = await Stages.start();
const browser = await Browser.start({ isReducedMotion: true });
try {
  /** @type {Picture[]} */
  const pictures = [];
  for (const screen of SCREENS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    pictures.push(...(await takeAll(screen)));
    process.stdout.write(`${screen.name}\n`);
    await writeFile(new URL("index.html", FOLDER), contactSheet(pictures));
  }
} finally {
  await browser.stop();
  await stages.stop();
}

/** One page, brought into one form after the other. @param {Screen} screen */
async function takeAll(screen) {
  const chat = await stages.show(browser, screen, DESK);
  const pictures = [];
  for (const form of formsOf(screen)) {
    await takeForm(chat, screen, form);
    pictures.push(await take(chat, screen, form));
  }
  await chat.leave();
  return pictures;
}

/**
 * @param {ChatPage} chat
 * @param {Screen} screen
 * @param {Form} form
 * @returns {Promise<Picture>}
 */
async function take(chat, { name }, form) {
  const { width, text, hasPanel, theme } = form;
  const file = `${name}-${theme}-${text}-${hasPanel ? "panel" : "plain"}-${width}.png`;
  await writeFile(new URL(file, FOLDER), await chat.page.screenshot());
  return { screen: name, file, form };
}
