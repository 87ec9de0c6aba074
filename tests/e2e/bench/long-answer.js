/**
 * Measures what a long answer costs the page while it is written: how long frames work, what the last characters cost
 * against the first ones, and how soon the button says that Stop was pressed.
 */

import { ChatPage } from "../chat-page.js";
import { Server } from "../server.js";
import { describeFrames, noteFrames } from "./frames.js";
import { SECTION } from "./texts.js";

/** @typedef {import("../browsers/index.js").Browser} Browser */
/** @typedef {import("puppeteer-core").CDPSession} Devtools */

const TOKENS_PER_SECOND = 100;

/**
 * Mixed Markdown comes at 100 tokens a second.
 * @param {Browser} browser
 * @param {number} slowdown
 * @param {number} seconds
 */
export async function measureLongAnswer(browser, slowdown, seconds) {
  const server = await Server.startReciting({ "long.md": SECTION.repeat(400) }, TOKENS_PER_SECOND);
  try {
    const chat = new ChatPage(await browser.newPage());
    await chat.page.devtools.evaluateOnNewDocument(noteFrames);
    await chat.open(server.address);
    const devtools = await chat.page.devtools.createCDPSession();
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    await chat.ask("long.md");
    await chat.lastAnswerIsLongerThan(100);
    await pause(2);
    const costs = await costsPerCharacter(chat, devtools, seconds);
    await reportWork(devtools);
    const { frames, longFrames, stopMs } = await chat.page.evaluate(stop);
    report(seconds, await length(chat), frames, costs, stopMs);
    for (const each of longFrames) console.log(`  long frame: ${each}`);
    await chat.leave();
  } finally {
    await server.stop();
  }
}

/**
 * @param {ChatPage} chat
 * @param {Devtools} devtools
 * @param {number} seconds
 * @returns {Promise<number[]>} milliseconds of the main thread for each character, from the first ten seconds to the last ten
 */
async function costsPerCharacter(chat, devtools, seconds) {
  const costs = [];
  const window = Math.min(10, seconds / 4);
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const [shown, start] = [await length(chat), await workOf(devtools, "TaskDuration")];
    await pause(window);
    const spent = (await workOf(devtools, "TaskDuration")) - start;
    costs.push((spent * 1000) / ((await length(chat)) - shown));
  }
  return costs;
}

/** @param {Devtools} devtools */
async function reportWork(devtools) {
  const names = ["TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration"];
  const figures = await Promise.all(names.map(async (name) => `${name} ${(await workOf(devtools, name)).toFixed(1)} s`));
  console.log(figures.join(", "));
}

/**
 * @param {Devtools} devtools
 * @param {string} name
 * @returns {Promise<number>} seconds that the main thread has spent on it
 */
async function workOf(devtools, name) {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return metrics.find((metric) => metric.name === name)?.value ?? NaN;
}

/**
 * @param {number} seconds
 * @param {number} characters
 * @param {number[]} frames
 * @param {number[]} costs
 * @param {number} stopMs
 */
function report(seconds, characters, frames, costs, stopMs) {
  console.log(`${seconds} s, ${characters} characters shown; work of a frame: ${describeFrames(frames)}`);
  const shown = costs.filter((_, index) => index % Math.ceil(costs.length / 10) === 0 || index === costs.length - 1);
  console.log(`main thread per character, from the first to the last: ${shown.map((each) => each.toFixed(2)).join(", ")} ms`);
  console.log(`from click on Stop to the button's change: ${stopMs.toFixed(1)} ms`);
}

/** @param {ChatPage} chat */
async function length(chat) {
  return await chat.page.$eval(".answer-text", (element) => element.textContent?.length ?? 0);
}

/** @param {number} time seconds */
async function pause(time) {
  await new Promise((resolve) => setTimeout(resolve, time * 1000));
}

/** Runs in the page: presses Stop. */
async function stop() {
  const { frames, longFrames } = /** @type {{ frames: number[], longFrames: string[] }} */ (/** @type {any} */ (window).noted);
  const start = performance.now();
  document.getElementById("composer-stop")?.click();
  while (document.getElementById("composer")?.dataset["mode"] === "running") await new Promise(requestAnimationFrame);
  return { frames, longFrames, stopMs: performance.now() - start };
}
