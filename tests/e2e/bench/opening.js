/** Measures how soon a long conversation is there: from the click on it to the frame that shows its end, and to its being complete. */

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
    await chat.listSays(TITLE);
    await chat.listSays(OTHER);
    const devtools = await chat.page.devtools.createCDPSession();
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
    const took = [];
    for (let time = 0; time < TIMES; time += 1) {
      took.push(await chat.page.evaluate(open, TITLE, MESSAGES));
      await chat.page.evaluate(open, OTHER, 2);
    }
    await chat.leave();
    const [seen, complete] = [took.map((each) => each.seen.toFixed(0)).join(", "), took.map((each) => each.complete.toFixed(0)).join(", ")];
    console.log(`${MESSAGES} messages, ${(MESSAGES / 2) * SECTION.length} characters, from the click`);
    console.log(`to the frame that shows the end: ${seen} ms; to the one with all messages: ${complete} ms`);
  } finally {
    await server.stop();
  }
}

/**
 * Runs in the page.
 * @param {string} title
 * @param {number} messages
 * @returns {Promise<{seen: number, complete: number}>} milliseconds
 */
async function open(title, messages) {
  const titles = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".row-title"));
  const last = document.querySelector(".message:last-child");
  const start = performance.now();
  [...titles].find(({ textContent }) => textContent === title)?.click();
  const isSeen = () => ![null, last].includes(document.querySelector(".message:last-child"));
  while (!isSeen()) await new Promise((resolve) => setTimeout(resolve, 0));
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  await painted();
  const seen = performance.now() - start;
  while (document.querySelectorAll(".message").length !== messages) await painted();
  return { seen, complete: performance.now() - start };
}
