/** Takes the pictures of the README from a real chat: node tests/e2e/screenshots.js */

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { Browser } from "./browser.js";
import { ChatPage } from "./chat-page.js";
import { Server } from "./server.js";

/**
 * @typedef {object} Picture
 * @property {"light" | "dark"} theme
 * @property {number} width CSS pixels
 * @property {number} height CSS pixels
 * @property {boolean} isMobile
 * @property {string[]} questions answered to the end
 * @property {string} [running] one whose answer is being written in the picture
 */
const DESK = { width: 1180, height: 780, isMobile: false };
const PHONE = { width: 390, height: 844, isMobile: true };
/** @type {Record<string, Picture>} */
const PICTURES = {
  light: {
    ...DESK,
    theme: "light",
    questions: ["How does streaming work?", "What is a WebSocket?"],
  },
  dark: {
    ...DESK,
    theme: "dark",
    questions: ["What is a WebSocket?"],
    running: "Tell me a long story",
  },
  phone: {
    ...PHONE,
    theme: "light",
    questions: ["How does streaming work?", "What is a GGUF file?"],
  },
};
/** How much of the running answer is in the picture, in characters. */
const RUNNING_LENGTH = 250;
const FOLDER = new URL("../../docs/", import.meta.url);

await mkdir(FOLDER, { recursive: true });
const browser = await Browser.start();
try {
  const server = await Server.start();
  try {
    for (const [name, picture] of Object.entries(PICTURES)) await take(server.address, name, picture);
  } finally {
    await server.stop();
  }
} finally {
  await browser.stop();
}

/**
 * @param {string} address
 * @param {string} name
 * @param {Picture} picture
 */
async function take(address, name, { theme, width, height, isMobile, questions, running }) {
  const page = await browser.newPage();
  await page.setViewport({ width, height, isMobile, hasTouch: isMobile, deviceScaleFactor: 2 });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  const chat = new ChatPage(page);
  await chat.open(address);
  for (const question of questions) {
    await chat.ask(question);
    await chat.buttonSays("Send");
  }
  if (running) {
    await chat.ask(running);
    await chat.lastAnswerIsLongerThan(RUNNING_LENGTH);
  }
  await page.screenshot({ path: fileURLToPath(new URL(`screenshot-${name}.png`, FOLDER)) });
  await page.close();
}
