/** Acts at random on two tabs of a browser, then asks for what must hold, as `explore.js` does without one. */

import assert from "node:assert/strict";

import { ChatPage } from "../chat-page.js";
import { HttpProxy } from "../http-proxy.js";
import { PAGE_ACTIONS, goOnline, send, setParameters } from "./page-actions.js";
import { PAGE_VERB_ACTIONS } from "./page-verb-actions.js";
import { Random, weighted } from "./random.js";

/** @typedef {import("../browsers/index.js").Browser} Browser */
/** @typedef {import("../server.js").Server} Server */

const ACTIONS = { ...PAGE_ACTIONS, ...PAGE_VERB_ACTIONS };

/**
 * @param {Server} server
 * @param {Browser} browser
 * @param {number} seed
 * @param {number} steps
 */
export async function explorePage(server, browser, seed, steps) {
  const random = new Random(seed);
  const proxy = await HttpProxy.start(server.port);
  const chat = new ChatPage(await browser.newPage());
  /** @type {string[]} */
  const done = [];
  try {
    await chat.open(proxy.address);
    const other = await chat.openBeside();
    for (let step = 0; step < steps; step += 1) {
      const name = weighted(ACTIONS, random);
      const at = random.next() < 0.75 ? chat : other;
      done.push(`${at === chat ? "first" : "second"} tab: ${name}`);
      await at.page.bringToFront();
      await ACTIONS[name]?.act({ chat: at, proxy, random });
    }
    done.push("what must hold");
    for (const tab of [chat, other]) {
      await tab.page.bringToFront();
      await goOnline({ chat: tab, proxy, random });
      await goesOn(tab);
      assert.deepEqual((await tab.statuses()).filter((text) => text.startsWith("Sending")), []);
    }
    await nothingIsListedThatNobodyWrote(server);
  } catch (error) {
    throw new Error(`Seed ${seed}, ${done.join("; ")}: ${error}`, { cause: error });
  } finally {
    await chat.leave();
    await proxy.stop();
  }
}

/** What is queued goes out by itself, or can be sent: to its chat, or to a new one. @param {ChatPage} chat */
async function queueIsSent(chat) {
  await chat.page.repeatUntil(() => {
    const [queue, send] = [document.getElementById("queue"), document.querySelector('.queued-button[aria-label^="Send"]')];
    if (send instanceof HTMLElement) send.click();
    return queue?.hidden && document.getElementById("composer")?.dataset["mode"] === "idle";
  });
}

/** The next good message in the open conversation is answered. @param {ChatPage} chat */
async function goesOn(chat) {
  await isSettled(chat);
  await queueIsSent(chat);
  if (await isGone(chat)) await chat.press("New chat");
  await setParameters(chat);
  await chat.reload();
  await isSettled(chat);
  await chat.page.focus("#composer-input");
  await send(chat, "Good");
  await isTaken(chat);
  await isSent(chat);
  await chat.isAnswered();
  const { messages } = await chat.document();
  assert.deepEqual(messages.slice(-2).map((/** @type {any} */ { role, state }) => `${role} ${state}`), ["user done", "assistant done"]);
}

/** The conversation is there or known to be gone, and nothing is written in it. @param {ChatPage} chat */
async function isSettled(chat) {
  await chat.page.waitFor(() => document.getElementById("loading")?.hidden === true);
  await chat.isIdle();
}

/** Presses Send again while the page takes nothing, as it does until it has read the conversation. @param {ChatPage} chat */
async function isTaken(chat) {
  await chat.page.repeatUntil(() => {
    const isEmpty = /** @type {HTMLTextAreaElement} */ (document.getElementById("composer-input")).value === "";
    if (!isEmpty) document.getElementById("composer-button")?.click();
    return isEmpty;
  });
}

/** The page has sent it. Written before the chat was read, it waits behind a refused message, and for the user. @param {ChatPage} chat */
async function isSent(chat) {
  await chat.page.repeatUntil(() => {
    const send = document.querySelector('.queued-button[aria-label^="Send"]');
    if (send instanceof HTMLElement) send.click();
    return [...document.querySelectorAll(".prompt-text")].at(-1)?.textContent === "Good";
  });
}

/** @param {ChatPage} chat */
async function isGone(chat) {
  return await chat.page.$eval("#trouble", ({ hidden }) => !hidden);
}

/** @param {Server} server */
async function nothingIsListedThatNobodyWrote({ address }) {
  const { conversations } = await (await fetch(`${address}/api/conversations?limit=200`)).json();
  for (const { id } of conversations) {
    const { messages } = await (await fetch(`${address}/api/conversations/${id}`)).json();
    assert.ok(messages.length > 0, `${id} is listed without a message`);
  }
}
