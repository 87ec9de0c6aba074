/** Measures what words cost the page behind much text and behind little, for each kind of block: nothing may grow with the length. */

import { AnswerPage } from "../answer-page.js";
import { ChatPage } from "../chat-page.js";
import { Server } from "../server.js";
import { describeFrames, noteFrames } from "./frames.js";
import { KINDS } from "./texts.js";

/** @typedef {import("../browsers/index.js").Browser} Browser */
/** @typedef {import("./frames.js").Noted} Noted */

const LENGTHS = { "after little": 1000, "after 200,000 characters": 200_000 };
const SECONDS = 6;

/**
 * @param {Browser} browser
 * @param {number} slowdown
 */
export async function measureKinds(browser, slowdown) {
  const server = await Server.start();
  try {
    for (const [kind, text] of Object.entries(KINDS)) {
      for (const [when, length] of Object.entries(LENGTHS)) {
        const frames = await framesAfter(browser, server, slowdown, text, length);
        console.log(`${kind}, ${when}: ${describeFrames(frames)}`);
      }
    }
  } finally {
    await server.stop();
  }
}

/**
 * @param {Browser} browser
 * @param {Server} server
 * @param {number} slowdown
 * @param {import("./texts.js").Kind} text
 * @param {number} length how much of it is there before, in UTF-16 units
 */
async function framesAfter(browser, server, slowdown, { head, unit }, length) {
  const chat = new ChatPage(await browser.newPage());
  await chat.open(server.address);
  await chat.page.$eval("#welcome", (welcome) => void (welcome.hidden = true));
  await new AnswerPage(chat.page).begin();
  await chat.page.evaluate(write, head, unit, length);
  const devtools = await chat.page.devtools.createCDPSession();
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
  await chat.page.evaluate(noteFrames);
  await chat.page.evaluate(writeOn, unit, SECONDS);
  const { frames } = await chat.page.evaluate(() => /** @type {Noted} */ (/** @type {any} */ (window).noted));
  await chat.leave();
  return frames;
}

/**
 * Runs in the page: writes what is there before, and returns when it is painted and its formulas are made.
 * @param {string} head
 * @param {string} unit
 * @param {number} length
 */
async function write(head, unit, length) {
  const { answerView: view } = /** @type {any} */ (window);
  const viewport = document.getElementById("viewport");
  view.append(head);
  for (let at = 0; at < length; at += unit.length) {
    view.append(unit);
    if (at % 4000 < unit.length) await new Promise(requestAnimationFrame);
  }
  const size = () => document.querySelectorAll(".answer-text *").length;
  for (let [still, last] = [0, 0]; still < 20; [still, last] = [size() === last ? still + 1 : 0, size()]) {
    viewport?.scrollTo(0, viewport.scrollHeight);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Runs in the page: 400 characters a second.
 * @param {string} unit
 * @param {number} seconds
 */
async function writeOn(unit, seconds) {
  const { answerView: view } = /** @type {any} */ (window);
  const start = performance.now();
  for (let at = 0; at < seconds * 400; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const due = Math.min(seconds, (performance.now() - start) / 1000) * 400;
    let piece = "";
    for (; at < due; at += 1) piece += unit[at % unit.length];
    view.append(piece);
  }
}
