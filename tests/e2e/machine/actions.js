/** What a person may do on the page, and what may happen to it, as a table of random actions. */

import { GOOD_SETTINGS } from "./page-without-browser.js";

/** @typedef {import("./page-without-browser.js").PageWithoutBrowser} PageWithoutBrowser */
/** @typedef {import("./random.js").Random} Random */
/** @typedef {{page: PageWithoutBrowser, random: Random, replace: (page: PageWithoutBrowser) => void, wait: (done: () => boolean) => Promise<void>}} Scene */
/** @typedef {(scene: Scene) => any} Act */

const GOOD = ["What can you do?", "Who are you?", "Tell me a story", "What is a WebSocket?"];
const BAD = {
  tooLong: "This sentence is here to fill the whole context of the model. ".repeat(2400),
  tooLarge: "x".repeat(1_100_000),
  blank: "\u0085",
  loneSurrogate: "What is \ud83d",
};
const BAD_SETTINGS = [
  { params: { ...GOOD_SETTINGS.params, json_schema: { type: "nope" } } },
  { params: { ...GOOD_SETTINGS.params, temperature: 9 } },
  { ...GOOD_SETTINGS, system: "Be brief. ".repeat(20_000) },
  { ...GOOD_SETTINGS, system: "\udc00" },
];

/** @type {Record<string, {weight: number, act: Act}>} */
export const ACTIONS = {
  "send": { weight: 12, act: ({ page, random }) => page.ui.send(random.pick(GOOD) ?? "") },
  "press Enter": { weight: 8, act: ({ page, random }) => page.ui.composerSent(random.pick(GOOD) ?? "") },
  "press Enter while an answer is written": { weight: 8, act: enterWhileWriting },
  "edit a queued message": { weight: 2, act: ({ page, random }) => withQueued(page, random, (id) => page.ui.queue.queuedEdited(id)) },
  "remove a queued message": { weight: 2, act: ({ page, random }) => withQueued(page, random, (id) => page.ui.queue.queuedRemoved(id)) },
  "send a queued message": { weight: 3, act: ({ page, random }) => withQueued(page, random, (id) => page.ui.queue.queuedSent(id)) },
  "send what is too long": { weight: 6, act: ({ page }) => page.ui.send(BAD.tooLong) },
  "send what is too large": { weight: 2, act: ({ page }) => page.ui.send(BAD.tooLarge) },
  "send what is blank to the server": { weight: 3, act: ({ page }) => page.ui.send(BAD.blank) },
  "send half a character": { weight: 3, act: ({ page }) => page.ui.send(BAD.loneSurrogate) },
  "set bad settings": { weight: 4, act: ({ page, random }) => page.ui.set(random.pick(BAD_SETTINGS) ?? {}) },
  "set good settings": { weight: 3, act: ({ page }) => page.ui.set(GOOD_SETTINGS) },
  "stop": { weight: 6, act: ({ page }) => page.ui.stop() },
  "go offline": { weight: 4, act: ({ page }) => page.goOffline() },
  "go online": { weight: 6, act: ({ page }) => page.goOnline() },
  "lose the connection": { weight: 4, act: ({ page }) => page.cut() },
  "reload": { weight: 4, act: ({ page, replace }) => replace(page.reload()) },
  "edit a message": { weight: 6, act: edit },
  "accept an offer": { weight: 14, act: acceptOffer },
  "use a message's button": { weight: 12, act: useAction },
  "edit the last message": { weight: 3, act: ({ page }) => page.ui.editLast() },
  "send what the composer holds": { weight: 5, act: sendComposed },
  "write a draft": { weight: 2, act: ({ page }) => page.composer.write("A draft") },
  "begin a new chat": { weight: 3, act: ({ page }) => page.ui.startNewChat() },
  "open another conversation": { weight: 5, act: openAnother },
  "delete a conversation": { weight: 2, act: deleteConversation },
  "undo": { weight: 4, act: ({ page }) => page.toasts.at(-1)?.action?.act() },
  "wait until it is idle": { weight: 14, act: ({ page, wait }) => page.isOffline || wait(() => page.composer.mode === "idle") },
};

/** Sends a question, then others before it can be answered. @type {Act} */
function enterWhileWriting({ page, random }) {
  for (let count = 1 + random.below(3); count >= 0; count -= 1) page.ui.composerSent(random.pick(GOOD) ?? "");
}

/**
 * @param {PageWithoutBrowser} page
 * @param {Random} random
 * @param {(id: string) => void} act
 */
function withQueued({ queueView }, random, act) {
  const item = random.pick(queueView.items);
  if (item) act(item.id);
}

/** @type {Act} */
function edit({ page, random }) {
  const message = random.pick(page.shown.filter(({ role, actions }) => role === "user" && actions.includes("edit")));
  if (message) page.ui.messageEdited(message.id, random.next() < 0.5 ? BAD.tooLong : "In other words");
}

/** @type {Act} */
function acceptOffer({ page, random }) {
  const message = random.pick(page.shown.filter(({ offers }) => offers.length > 0));
  const offer = random.pick(message?.offers ?? []);
  if (message && offer) page.ui.messageOffered(offer, message.id);
}

/** @type {Act} */
function useAction({ page, random }) {
  const choices = page.shown.flatMap(({ id, actions, branch }) => {
    const turns = branch.count > 1 ? /** @type {const} */ (["previous", "next"]) : [];
    return [...actions, ...turns].filter((name) => !name.startsWith("copy") && name !== "edit").map((name) => ({ id, name }));
  });
  const choice = random.pick(choices);
  if (choice) page.ui.messageActed(choice.name, choice.id);
}

/** @type {Act} */
function sendComposed({ page }) {
  const { text } = page.composer;
  if (text !== "" && page.ui.send(text)) page.composer.write("");
}

/** @type {Act} */
function openAnother({ page, random }) {
  const other = random.pick(page.library.holdings.conversations);
  if (other) page.ui.libraryEvents.conversationChosen(other.id, null);
}

/** @type {Act} */
async function deleteConversation({ page, random }) {
  const other = random.pick(page.library.holdings.conversations);
  if (!other) return;
  page.ui.libraryEvents.conversationRemoved(other.id);
  await page.library.remove(other.id).catch(() => {});
  const undo = async () => {
    page.ui.libraryEvents.conversationRestored(other.id);
    await page.library.restore(other.id).catch(() => {});
    page.ui.libraryEvents.conversationReturned(other.id);
  };
  page.toasts.push({ text: "Deleted", action: { label: "Undo", act: undo } });
}
