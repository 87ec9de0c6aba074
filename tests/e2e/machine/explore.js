/**
 * Acts at random on two pages of one browser, then asks for what must hold: whatever was refused, stopped or lost, the
 * next good message in each conversation is answered, nothing waits for ever, and nothing is listed that nobody wrote.
 */

import assert from "node:assert/strict";

import { FakeBrowser } from "../../frontend/fake-storage.js";
import { ACTIONS } from "./actions.js";
import { GOOD_SETTINGS, PageWithoutBrowser } from "./page-without-browser.js";
import { Random, weighted } from "./random.js";
import { VERB_ACTIONS } from "./verb-actions.js";

/** @type {typeof ACTIONS} */
const ALL_ACTIONS = {
  ...ACTIONS,
  ...VERB_ACTIONS,
  "compare with the server": { weight: 12, act: ({ page }) => page.isOffline || showsWhatTheServerHas(page) },
};

/** How long anything that has to happen may take, in milliseconds. */
const PATIENCE_MS = Number(process.env["PAGE_MACHINE_PATIENCE_MS"] ?? 60_000);

/**
 * @param {string} address of the server
 * @param {number} seed
 * @param {number} steps
 */
export async function explore(address, seed, steps) {
  const random = new Random(seed);
  const browser = new FakeBrowser();
  const pages = [new PageWithoutBrowser(address, browser), new PageWithoutBrowser(address, browser)];
  /** @type {string[]} */
  const done = [];
  try {
    for (let step = 0; step < steps; step += 1) {
      const at = random.next() < 0.75 ? 0 : 1;
      const name = weighted(ALL_ACTIONS, random);
      done.push(`${at}: ${name}`);
      await act(pages, at, name, random);
    }
    done.push("what must hold");
    for (const page of pages) page.goOnline();
    await everythingQueuedIsSent(pages);
    for (const page of pages) await showsWhatTheServerHas(page);
    for (const page of pages) await everyConversationGoesOn(page);
    await nothingIsListedThatNobodyWrote(address, pages[0]);
  } catch (error) {
    const outbox = JSON.stringify(pages.map(({ outbox }) => outbox.parcels), (_, value) => (typeof value === "string" ? value.slice(0, 60) : value), 1);
    const shown = JSON.stringify(pages.map(({ shown }) => shown), (_, value) => (typeof value === "string" ? value.slice(0, 60) : value));
    throw new Error(`Seed ${seed}, ${done.join("; ")}: ${error}\noutbox: ${outbox}\nshown: ${shown}`, { cause: error });
  } finally {
    for (const page of pages) page.close();
  }
}

/**
 * @param {PageWithoutBrowser[]} pages
 * @param {number} at
 * @param {string} name
 * @param {Random} random
 */
async function act(pages, at, name, random) {
  const page = /** @type {PageWithoutBrowser} */ (pages[at]);
  const replace = (/** @type {PageWithoutBrowser} */ other) => void (pages[at] = other);
  await ALL_ACTIONS[name]?.act({ page, random, replace, wait: (isDone) => until(name, isDone) });
  // Some of what follows has happened before the next action, and some has not.
  for (let turns = random.below(4); turns > 0; turns -= 1) await new Promise((resume) => setTimeout(resume, random.below(15)));
}

/**
 * What is queued goes out by itself, or waits for the user, who can send it: to its chat, or to a new one where that is gone.
 * @param {PageWithoutBrowser[]} pages
 */
async function everythingQueuedIsSent(pages) {
  for (const page of pages) {
    while (page.ui.isTemporary && page.queueView.items.length > 0) await oneQueuedIsSent(page);
    for (const conversation of new Set([page.location.conversation, ...page.queue.conversations])) {
      if (conversation !== null) page.ui.libraryEvents.conversationChosen(conversation, null);
      while (page.queueView.items.length > 0) await oneQueuedIsSent(page);
    }
    await until("nothing is queued", () => page.queue.conversations.length === 0 && (page.isIdle || isGone(page)));
  }
}

/** @param {PageWithoutBrowser} page */
async function oneQueuedIsSent(page) {
  const { id = "" } = page.queueView.items[0] ?? {};
  await until("the first queued message is sent, or can be", () => page.queueView.mayBeSent || page.queueView.items[0]?.id !== id);
  if (page.queueView.items[0]?.id === id) page.ui.queue.queuedSent(id);
  await until("it is no longer queued", () => page.queueView.items[0]?.id !== id || !page.queueView.mayBeSent);
}

/** @param {PageWithoutBrowser} page */
async function everyConversationGoesOn(page) {
  const { conversation } = page.location;
  const listed = page.library.holdings.conversations.map(({ id }) => id);
  for (const id of new Set([conversation, ...listed])) {
    if (id === null) page.ui.startNewChat();
    else page.ui.libraryEvents.conversationChosen(id, null);
    await goesOn(page);
  }
}

/** @param {PageWithoutBrowser} page */
async function goesOn(page) {
  await isThere(page);
  page.ui.set(GOOD_SETTINGS);
  await until("its settings are saved", () => JSON.stringify(page.ui.settings) === JSON.stringify(GOOD_SETTINGS));
  await settingsAreThere(page);
  await isThere(page);
  // What the random actions wrote may have filled the context.
  if (page.shown.length > 12) return;
  assert.equal(page.ui.send("Good"), true, "nothing can be sent");
  const refused = await answered(page);
  if (!refused) return await showsWhatTheServerHas(page);
  // The conversation was deleted in the other tab: its messages can go to a new one.
  assert.equal(refused.failure?.code, "conversation_deleted");
  await until("it can be sent in a new chat", () => page.shown.at(-1)?.offers.includes("elsewhere") ?? false);
  page.ui.messageOffered("elsewhere", refused.request.id);
  assert.equal(await answered(page), undefined);
  await showsWhatTheServerHas(page);
}

/** The page comes to show a branch of its conversation as the server has it, if that has one. @param {PageWithoutBrowser} page */
async function showsWhatTheServerHas(page) {
  const { conversation } = page.location;
  if (conversation === null) return;
  const deadline = performance.now() + PATIENCE_MS;
  for (let messages = await messagesOf(page, conversation); !isShownBranch(page, messages); messages = await messagesOf(page, conversation)) {
    assert.ok(performance.now() < deadline, `${conversation} is shown otherwise than the server has it: ${JSON.stringify(messages)}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

/**
 * @param {PageWithoutBrowser} page
 * @param {string} conversation
 */
async function messagesOf({ api }, conversation) {
  return await api.read(conversation).then(({ messages }) => messages, (error) => {
    if (error.status === 404) return [];
    throw error;
  });
}

/**
 * @param {PageWithoutBrowser} page
 * @param {import("../../../frontend/conversations/api.js").Message[]} messages that the server has
 */
function isShownBranch({ transcript }, messages) {
  const known = new Map(messages.map((message) => [message.id, message]));
  const shown = [...transcript.messages.values()].filter(({ shown: { id } }) => known.has(id));
  return shown.every(({ shown: { id, role }, text }, index) => {
    const message = known.get(id);
    const above = shown[index - 1]?.shown.id ?? null;
    return message?.role === role && message.content === text && message.parent === above;
  });
}

/** The conversation is there, and takes a message. Of one that is gone without a trace the page offers a new chat. @param {PageWithoutBrowser} page */
async function isThere(page) {
  await until("the conversation is there", () => page.isIdle || isGone(page));
  if (isGone(page)) page.ui.startNewChat();
}

/**
 * Waits until what was sent last is answered on the server, and shown where nothing else has turned the page to another branch.
 * @param {PageWithoutBrowser} page
 * @returns {Promise<import("../../../frontend/conversations/outbox.js").Parcel | undefined>} it, where it was refused
 */
async function answered(page) {
  const sent = page.outbox.parcels.at(-1);
  assert.equal(sent?.request.content, "Good");
  const { id = "", conversation = "" } = sent?.request ?? {};
  await until("it is sent", () => page.outbox.find(id)?.failure !== null);
  if (page.outbox.find(id)) return page.outbox.find(id);
  await until("the page is idle", () => page.isIdle);
  const { messages } = await page.api.read(conversation);
  const answer = messages.find((message) => message.id === id);
  assert.deepEqual([answer?.state, answer?.content !== ""], ["done", true], `not answered: ${JSON.stringify(answer)}`);
  return undefined;
}

/** @param {PageWithoutBrowser} page */
function isGone({ transcript }) {
  return typeof transcript.instead === "object" && transcript.instead?.label === "New chat";
}

/** @param {PageWithoutBrowser} page */
async function settingsAreThere({ api, location: { conversation } }) {
  if (conversation === null) return;
  await api.change(conversation, { settings: GOOD_SETTINGS }).catch((error) => {
    if (error.status !== 404) throw error;
  });
}

/**
 * @param {string} address
 * @param {PageWithoutBrowser} [page]
 */
async function nothingIsListedThatNobodyWrote(address, page) {
  const { conversations } = await (await fetch(`${address}/api/conversations?limit=200`)).json();
  for (const { id } of conversations) {
    const { messages } = await (await fetch(`${address}/api/conversations/${id}`)).json();
    assert.ok(messages.length > 0, `${id} is listed without a message`);
  }
  assert.deepEqual(page?.outbox.parcels.filter(({ failure }) => !failure), []);
}

/**
 * @param {string} what
 * @param {() => boolean} isDone
 */
async function until(what, isDone) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isDone()) {
    assert.ok(performance.now() < deadline, `waited in vain until ${what}`);
    await new Promise((resume) => setTimeout(resume, 5));
  }
}
