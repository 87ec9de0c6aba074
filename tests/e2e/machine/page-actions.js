/** The same in a real page, with its buttons and keys: a table of random actions on one tab of a browser. */

/** @typedef {import("../chat-page.js").ChatPage} ChatPage */
/** @typedef {import("../http-proxy.js").HttpProxy} HttpProxy */
/** @typedef {import("./random.js").Random} Random */
/** @typedef {{chat: ChatPage, proxy: HttpProxy, random: Random}} Stage */

const GOOD = ["What can you do?", "Who are you?", "What is a WebSocket?"];
const BAD = ["This sentence is here to fill the whole context of the model. ".repeat(2400), "\u0085", "What is \ud83d"];
const BAD_PARAMS = { json_schema: { type: "nope" } };
const GOOD_PARAMS = { max_tokens: 12 };

/** @type {Record<string, {weight: number, act: (stage: Stage) => Promise<unknown>}>} */
export const PAGE_ACTIONS = {
  "send": { weight: 10, act: ({ chat, random }) => send(chat, random.pick(GOOD) ?? "") },
  "send several, one before the other is answered": { weight: 6, act: sendSeveral },
  "use a queued message's button": { weight: 4, act: ({ chat, random }) => clickOne(chat, "#queue button", random.next()) },
  "send what is refused": { weight: 10, act: ({ chat, random }) => send(chat, random.pick(BAD) ?? "") },
  "set bad parameters": { weight: 3, act: ({ chat }) => setParameters(chat, BAD_PARAMS) },
  "set good parameters": { weight: 3, act: ({ chat }) => setParameters(chat, GOOD_PARAMS) },
  "stop": { weight: 6, act: ({ chat }) => chat.page.press("Escape") },
  "go offline": { weight: 4, act: goOffline },
  "go online": { weight: 6, act: goOnline },
  "lose the connection": { weight: 3, act: async ({ proxy }) => proxy.cut() },
  "reload": { weight: 3, act: async (stage) => stage.proxy.isDown || stage.chat.reload() },
  "use a button": { weight: 25, act: useButton },
  "begin a new chat": { weight: 3, act: ({ chat }) => clickOne(chat, "#new-chat", 0) },
  "open another conversation": { weight: 4, act: ({ chat, random }) => clickOne(chat, ".row-link", random.next()) },
  "undo": { weight: 3, act: ({ chat, random }) => clickOne(chat, ".toast button", random.next()) },
  "wait until it is idle": { weight: 12, act: async ({ chat, proxy }) => proxy.isDown || chat.isIdle() },
};

/** @type {(stage: Stage) => Promise<void>} */
export async function goOnline({ chat, proxy }) {
  proxy.isDown = false;
  await chat.page.setOffline(false);
  await chat.connected();
}

/**
 * Gives the open conversation other parameters, as another device may.
 * @param {ChatPage} chat
 * @param {object} [params]
 */
export async function setParameters(chat, params = GOOD_PARAMS) {
  await chat.page.evaluate(async (wanted) => {
    const id = /^\/c\/(.+)/.exec(location.pathname)?.[1];
    const request = { method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ settings: { params: wanted } }) };
    if (id) await fetch(`/api/conversations/${id}`, request).catch(() => {});
  }, params);
}

/** @type {(stage: Stage) => Promise<void>} */
async function goOffline({ chat, proxy }) {
  await chat.page.setOffline(true);
  proxy.isDown = true;
  proxy.cut();
}

/**
 * @param {ChatPage} chat
 * @param {string} text
 */
export async function send(chat, text) {
  // A long message that was given back to the composer is held beside what is written.
  await chat.page.$$eval("#composer-held .file-remove", (buttons) => buttons.forEach((button) => button.click()));
  await chat.fill(text);
  await chat.page.press("Enter");
}

/** @type {(stage: Stage) => Promise<void>} */
async function sendSeveral({ chat, random }) {
  for (let count = 1 + random.below(2); count >= 0; count -= 1) await send(chat, random.pick(GOOD) ?? "");
}

/** Uses any button of any message, or what its menu has; what is edited is sent. @type {(stage: Stage) => Promise<void>} */
async function useButton({ chat, random }) {
  await clickOne(chat, "#transcript .offers button, #transcript .actions button:not([data-action^='copy'])", random.next());
  await clickOne(chat, "#viewport > .menu:popover-open .is-grave", 0);
  await chat.page.evaluate((text) => {
    const editor = /** @type {HTMLTextAreaElement | null} */ (document.querySelector(".editor-input"));
    if (!editor) return;
    editor.value = text;
    editor.dispatchEvent(new Event("input", { bubbles: true }));
    editor.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true, cancelable: true }));
  }, random.next() < 0.5 ? "In other words" : (BAD[0] ?? ""));
}

/**
 * Clicks one of the elements that can be seen, where there is any.
 * @param {ChatPage} chat
 * @param {string} selector
 * @param {number} share which one, from 0 for the first up to 1
 */
export async function clickOne(chat, selector, share) {
  await chat.page.evaluate((wanted, at) => {
    const elements = [...document.querySelectorAll(wanted)].filter((each) => each.checkVisibility({ visibilityProperty: true }));
    const element = elements[Math.floor(at * elements.length)];
    if (element instanceof HTMLElement && !element.matches(":disabled")) element.click();
  }, selector, share);
}
