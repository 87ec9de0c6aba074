/** What a person may do with an answer while it is written and after, with the buttons and keys of a real page. */

/** @typedef {import("./page-actions.js").Stage} Stage */

import { clickOne, send } from "./page-actions.js";

const INSTRUCTIONS = ["Shorter, please", "In French"];
const STORY = "Tell me a long story";

/** @type {Record<string, {weight: number, act: (stage: Stage) => Promise<unknown>}>} */
export const PAGE_VERB_ACTIONS = {
  "steer": { weight: 6, act: ({ chat, random }) => steer(chat, random.pick(INSTRUCTIONS) ?? "") },
  "ask, and steer the answer": { weight: 6, act: askAndSteer },
  "move a slider": { weight: 5, act: ({ chat, random }) => moveSlider(chat, random.below(20) / 10) },
  "write a draft": { weight: 3, act: ({ chat, random }) => chat.fill(random.pick(["What", "What can you", ""]) ?? "") },
  "compare answers": { weight: 5, act: compare },
  "use a compared answer's button": { weight: 6, act: ({ chat, random }) => clickOne(chat, "#comparison button", random.next()) },
  "choose an alternative": { weight: 6, act: chooseAlternative },
};

/**
 * @param {import("../chat-page.js").ChatPage} chat
 * @param {string} text
 */
async function steer(chat, text) {
  await chat.fill(text);
  await chat.page.press("Control+Enter");
}

/** Asks, and gives an instruction once the answer can be steered; without a network it is queued. @type {(stage: Stage) => Promise<void>} */
async function askAndSteer({ chat, random }) {
  await send(chat, STORY);
  await steer(chat, random.pick(INSTRUCTIONS) ?? "");
}

/**
 * @param {import("../chat-page.js").ChatPage} chat
 * @param {number} temperature
 */
async function moveSlider(chat, temperature) {
  if (!(await chat.page.evaluate(() => document.querySelector("#side-panel[open]") !== null))) await clickOne(chat, "#settings-button", 0);
  await clickOne(chat, "#tab-chat", 0);
  await chat.page.evaluate((value) => {
    const slider = document.querySelector("#slider-temperature");
    if (!(slider instanceof HTMLInputElement) || !slider.checkVisibility()) return;
    for (const moved of [value, value / 2]) {
      slider.value = String(moved);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
    slider.dispatchEvent(new Event("change", { bubbles: true }));
  }, temperature);
}

/** @type {(stage: Stage) => Promise<void>} */
async function compare({ chat }) {
  await clickOne(chat, "#compare-button", 0);
  await send(chat, STORY);
}

/** Opens an answer's tokens and the alternatives of one of them, and takes another token. @type {(stage: Stage) => Promise<void>} */
async function chooseAlternative({ chat, random }) {
  const { page } = chat;
  if (await page.evaluate(() => document.querySelector("#transcript [data-action='explore']") === null)) return;
  await clickOne(chat, "#transcript [data-action='explore']", random.next());
  await page.waitFor(() => document.querySelector(".token-mark, .toast") !== null || !document.querySelector("[data-action='explore']"));
  if (!(await page.evaluate(() => document.activeElement?.matches(".token-mark") ?? false))) return;
  await page.press("Home");
  for (let steps = random.below(4); steps > 0; steps -= 1) await page.press("ArrowRight");
  await page.press("Enter");
  await page.waitFor(() => {
    const list = document.querySelector(".alternatives:popover-open");
    return list === null || list.querySelector(".alternative") !== null || !list.textContent?.startsWith("Looking");
  });
  await clickOne(chat, ".alternative:not([aria-disabled])", random.next());
  await page.press("Escape");
}
