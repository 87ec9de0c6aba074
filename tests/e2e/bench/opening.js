/** Measures how soon a long conversation is there: from the click on it to the frame that shows its end. */

import { ChatPage } from "../chat-page.js";
import { importLong } from "../long-conversation.js";
import { Server } from "../server.js";
import { SECTION } from "./texts.js";

/** @typedef {import("../browsers/index.js").Browser} Browser */

const MESSAGES = 500;
const TITLE = "A long one";
const OTHER = "A short one";
const TIMES = 9;

/**
 * @param {Browser} browser
 * @param {number} slowdown
 */
export async function measureOpening(browser, slowdown) {
  const server = await Server.start();
  try {
    await importLong(server, { id: "short", title: OTHER, messages: 2, answer: "Yes." });
    await importLong(server, { id: "long", title: TITLE, messages: MESSAGES, answer: SECTION });
    const chat = new ChatPage(await browser.newPage());
    await chat.open(server.address);
    const devtools = await chat.page.devtools.createCDPSession();
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
    const took = [];
    for (let time = 0; time < TIMES; time += 1) {
      took.push(await chat.page.evaluate(open, TITLE, MESSAGES));
      await chat.page.evaluate(open, OTHER, 2);
    }
    await chat.leave();
    const times = took.map((each) => each.toFixed(0)).join(", ");
    console.log(`${MESSAGES} messages, ${(MESSAGES / 2) * SECTION.length} characters: from the click to the end's being there ${times} ms`);
  } finally {
    await server.stop();
  }
}

/**
 * Runs in the page.
 * @param {string} title
 * @param {number} messages
 * @returns {Promise<number>} milliseconds
 */
async function open(title, messages) {
  const titles = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".row-title"));
  const start = performance.now();
  [...titles].find(({ textContent }) => textContent === title)?.click();
  const isThere = () => document.querySelectorAll(".message").length === messages;
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 0)));
  return performance.now() - start;
}
