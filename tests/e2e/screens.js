/**
 * The page's screens, each a state that a person can see: for the tests of accessibility and of layout, and for the pictures. A new
 * state is one more entry of the table.
 */

import { randomUUID } from "node:crypto";

import { showCall } from "./called.js";
import { ChatPage } from "./chat-page.js";
import { ComparisonPage, openCompared } from "./comparison-page.js";
import { ComposerPage } from "./composer-page.js";
import { ExplorePage } from "./explore-page.js";
import { HttpProxy } from "./http-proxy.js";
import { PanelsPage } from "./panels-page.js";
import { Server } from "./server.js";

/** @typedef {import("./browsers/index.js").Browser} Browser */
/** @typedef {import("./browsers/tab.js").Viewport} Viewport */
/**
 * @typedef {object} Stage
 * @property {ChatPage} chat open and connected; an empty page where the screen is outside of the chat
 * @property {HttpProxy} proxy through which it is connected
 * @property {Server} server its model takes its time, unless it is told to hurry
 * @property {() => Promise<string>} guarded address of a server that asks for a token
 * @property {() => Promise<string>} several address of a server with several models, of which a further one is never loaded to its end
 */
/**
 * @typedef {object} Screen
 * @property {string} name
 * @property {(stage: Stage) => Promise<void>} arrange brings a new page into this state, in which it stays
 * @property {"chat" | "list" | "panel" | "dialog" | "outside"} [place] what the screen is about: the chat, unless it says otherwise; the
 *   list, which has to be opened first on a narrow page; the panel; what covers the page; another page
 * @property {(chat: ChatPage) => Promise<void>} [renew] brings back what does not outlive a change of the page's width
 */

const STEP_MS = 100;

/** @type {Screen[]} */
export const SCREENS = [
  { name: "empty", arrange: async () => {} },
  {
    name: "answering",
    arrange: async ({ chat }) => {
      await chat.ask("Write a long story in ten chapters");
      await chat.lastAnswerIsLongerThan(60);
    },
  },
  {
    name: "answered",
    arrange: async ({ chat, server }) => {
      server.hurry();
      for (const question of ["How does streaming work?", "What is a WebSocket?"]) await chat.answered(question);
    },
  },
  {
    name: "steered",
    arrange: async ({ chat }) => {
      await chat.ask("Write a long story in ten chapters");
      await chat.lastAnswerIsLongerThan(20);
      await chat.write("Shorter, please.");
      await chat.press("Steer now");
      await chat.questionsAre(["Write a long story in ten chapters", "Shorter, please."]);
      await chat.lastAnswerIsLongerThan(3);
      await chat.write("And with a happy end");
    },
  },
  {
    name: "tuned",
    place: "panel",
    arrange: async ({ chat }) => {
      const panels = new PanelsPage(chat.page);
      await panels.open("chat");
      await chat.ask("Write a long story in ten chapters");
      await chat.lastAnswerIsLongerThan(60);
      await panels.set("temperature", "0.4");
      await chat.lastStatusSays("new settings");
    },
  },
  {
    name: "compare-setup",
    arrange: async ({ chat }) => {
      await new ComparisonPage(chat).setUp([1, 2, 3]);
      await chat.write("Which of these answers is the best one?");
    },
  },
  {
    name: "comparing",
    arrange: async ({ chat }) => {
      const comparison = new ComparisonPage(chat);
      await comparison.setUp([1, 2, 3]);
      await chat.ask("Write a long story in ten chapters");
      await comparison.areLongerThan(60);
      await chat.press("Stop Seed 3");
      await comparison.statesAre(["Writing", "Writing", "Stopped"]);
    },
  },
  {
    name: "compared",
    arrange: ({ chat }) => openCompared(chat, { id: "compared", title: "Which of these answers is the best one?", answers: COMPARED }),
  },
  {
    name: "exploring",
    arrange: async ({ chat, server }) => {
      server.hurry();
      await chat.answered("How does streaming work?");
      await new ExplorePage(chat.page).open(chat);
      await chat.page.press("ArrowRight");
      await chat.page.press("Enter");
      await chat.page.waitForSelector(".alternatives:popover-open .alternative");
    },
    renew: async (chat) => {
      await chat.page.$eval(".token-mark", (mark) => {
        mark.focus();
        mark.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      });
      await chat.page.waitForSelector(".alternatives:popover-open .alternative");
    },
  },
  {
    name: "called",
    arrange: async ({ chat, server }) => {
      server.hurry();
      await showCall(chat, server.address);
      await chat.page.click(() => document.querySelector(".tool-fold > summary"));
    },
  },
  {
    name: "refused",
    arrange: async ({ chat }) => {
      await chat.paste("This sentence is here to fill the whole context of the model. ".repeat(600));
      await chat.send();
      await chat.lastStatusSays("too long");
      await chat.isIdle();
    },
  },
  {
    name: "connection-lost",
    arrange: async ({ chat, proxy }) => {
      await chat.ask("Write a long story in ten chapters");
      await chat.lastAnswerIsLongerThan(60);
      proxy.isDown = true;
      proxy.cut();
      await chat.connectionSays("Reconnecting");
    },
  },
  {
    name: "rich",
    arrange: async ({ chat, server }) => {
      await importText(server.address, "Everything that Markdown has", RICH);
      await chat.listSays("Everything that Markdown has");
      await chat.openListed("Everything that Markdown has");
      await chat.page.waitForSelector(".katex-display");
      await chat.page.waitForSelector(".hljs-keyword");
    },
  },
  {
    name: "editing",
    arrange: async ({ chat, server }) => {
      server.hurry();
      await chat.answered("What can you do?");
      await chat.page.focus("#composer-input");
      await chat.page.press("ArrowUp");
      await chat.hasFocus(".editor-input");
    },
  },
  {
    name: "editing-answer",
    arrange: async ({ chat, server }) => {
      server.hurry();
      await chat.answered("What can you do?");
      await chat.pressLast("Edit");
      await chat.hasFocus(".editor-input");
    },
  },
  {
    name: "temporary",
    arrange: async ({ chat, server }) => {
      server.hurry();
      await chat.page.waitFor(() => document.getElementById("temporary-chat")?.hidden === false);
      await chat.page.$eval("#temporary-chat", (button) => /** @type {HTMLElement} */ (button).click()); // on a phone it is in the drawer
      await chat.answered("What can you do?");
    },
  },
  {
    name: "attached",
    arrange: async ({ chat, server }) => {
      server.hurry();
      await attach(chat);
      await chat.answered("What is in these files?");
      await attach(chat);
    },
  },
  {
    name: "file",
    place: "dialog",
    arrange: async ({ chat }) => {
      await attach(chat);
      await chat.page.focus(".file-open");
      await chat.page.press("Enter");
      await chat.page.waitForSelector(".viewer[open]");
    },
  },
  {
    name: "long-list",
    place: "list",
    arrange: async ({ chat, server }) => {
      const day = 86_400_000;
      for (const [index, title] of TITLES.entries()) await importText(server.address, title, "An answer.", Date.now() - index * 1.7 * day);
      await chat.listSays(TITLES[0] ?? "");
      await openList(chat);
      await chat.chooseListed(TITLES[2] ?? "", "Pin");
      await chat.openListed(TITLES[1] ?? "");
      await chat.hasAnswers(1);
      await openList(chat);
    },
  },
  {
    name: "list-menu",
    place: "list",
    arrange: async ({ chat, server }) => {
      await importText(server.address, "What the menu is about", "An answer.");
      await chat.listSays("What the menu is about");
      await openList(chat);
      await openMenu(chat);
    },
    renew: openMenu,
  },
  {
    name: "searching",
    place: "list",
    arrange: async ({ chat, server }) => {
      await importText(server.address, "A conversation to be found", "The needle is in this haystack.");
      await openList(chat);
      await chat.page.type("#search", "needle");
      await chat.page.waitForSelector(".row mark");
    },
  },
  {
    name: "deleted",
    arrange: async ({ chat, server }) => {
      await importText(server.address, "What is deleted", "An answer.");
      await chat.listSays("What is deleted");
      await chat.chooseListed("What is deleted", "Delete");
      await chat.page.waitForSelector(".toast");
      await chat.page.focus(".toast button");
    },
  },
  {
    name: "missing",
    arrange: async ({ chat, server }) => {
      await chat.page.goto(`${server.address}/c/nowhere`);
      await chat.page.waitForSelector("#trouble:not([hidden])");
    },
  },
  { name: "settings", place: "panel", arrange: ({ chat }) => openPanel(chat, "chat") },
  { name: "models", place: "panel", arrange: ({ chat }) => openModels(chat) },
  {
    name: "models-search",
    place: "panel",
    arrange: async ({ chat }) => {
      await openModels(chat);
      await searchModels(chat);
    },
  },
  {
    name: "models-download",
    place: "panel",
    arrange: async ({ chat }) => {
      await openModels(chat);
      await searchModels(chat);
      await chat.press("Download tiny-chat-Q8_0");
      await chat.page.waitFor(() => document.querySelector(".models-row .models-bar")?.getAttribute("value") !== null && document.body.textContent?.includes("8.5 MiB of 17 MiB"));
      await chat.page.$eval("#panel-models", (panel) => panel.scrollTo(0, 0));
    },
  },
  {
    name: "picker",
    place: "dialog",
    arrange: async ({ chat, several }) => {
      await chat.open(await several());
      await openPicker(chat);
    },
    renew: openPicker,
  },
  {
    name: "model-loading",
    arrange: async ({ chat, several }) => {
      await chat.open(await several());
      await openPicker(chat);
      await chat.page.click(() => [...document.querySelectorAll(".chooser-option")].find((option) => option.textContent?.startsWith("starter")));
      await chat.ask("What can you do?");
      await chat.lastStatusSays("Loading the model · 39 %");
    },
  },
  { name: "engine", place: "panel", arrange: ({ chat }) => openPanel(chat, "engine") },
  { name: "appearance", place: "panel", arrange: ({ chat }) => openPanel(chat, "appearance") },
  {
    name: "shortcuts",
    place: "dialog",
    arrange: async ({ chat }) => {
      await chat.press("Keyboard shortcuts");
      await chat.page.waitForSelector("dialog[open]");
    },
  },
  {
    name: "login",
    place: "outside",
    arrange: async ({ chat, guarded }) => chat.page.goto(await guarded()),
  },
  {
    name: "not-found",
    place: "outside",
    arrange: async ({ chat, server }) => chat.page.goto(`${server.address}/nowhere`),
  },
  {
    name: "offline",
    place: "outside",
    arrange: async ({ chat, server }) => {
      await chat.page.goto(`${server.address}/static/offline/offline.html`);
      await chat.page.setOffline(true); // or the page finds the server two seconds later, and opens the chat
      await chat.page.waitForSelector("#retry");
    },
  },
];

const TITLES = [
  "Why is the sky blue?",
  "A title that is much too long for the width of any list that stands beside a chat, whatever the size of its text",
  "Pinned recipes",
  "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
  "لماذا السماء زرقاء؟",
  "为什么天空是蓝色的？",
  ...Array.from({ length: 14 }, (_, index) => `Question ${index + 1}`),
];

/** @param {ChatPage} chat */
async function attach(chat) {
  const composer = new ComposerPage(chat.page);
  await composer.drop([
    { name: "one.py", content: "print(1)\n" },
    { name: "the minutes of the meeting about the quarter that has just ended.md", content: "# Minutes\n" },
    { name: "photo.png", content: "\u0089PNG\u0000" },
  ]);
  await composer.chipsAre(2);
  await composer.says("photo.png is an image");
}

const RICH = `<think>Which parts are there?</think>

## A heading

A paragraph with **strong words**, \`code\`, a [link](https://example.com), $a^2 + b^2$ and a note.[^1]

- [x] An item that is done
- [ ] one that is not

1. A number

| Name | Value |
|:--|--:|
| one | 1 |

> A quotation.

![A picture from elsewhere](https://example.com/picture.png)

\`\`\`python
def step(theta):
    return theta - 0.01  # downwards
\`\`\`

$$
L = \\sum_i y_i
$$

[^1]: The note.
`;

/** Answers of every kind beside each other: wide ones, one from right to left, one that failed. */
const COMPARED = [
  { label: "a-model-with-a-long-name-instruct · Precise · seed 4294967295", content: "A table.\n\n| Name | Value | Meaning |\n|:--|--:|:--|\n| one | 1 | the first of all numbers |\n" },
  { label: "Creative", content: "Code.\n\n```python\ndef step(theta): return theta - 0.01 * gradient(theta)  # downwards\n```\n" },
  { label: "Answer 3", content: "السماء زرقاء لأن الهواء يشتّت الضوء الأزرق أكثر من الأحمر.\n\n- أوّلًا\n- ثانيًا\n" },
  { label: "Seed 4", content: "It began, and", state: "failed", reason: "failed", error: { code: "internal", message: "The engine failed." } },
];

/** @param {ChatPage} chat */
async function openMenu(chat) {
  await chat.press("Options for What the menu is about");
  await chat.page.waitForSelector("[role=menu]:popover-open");
}

/** Opens the list where it is not beside the chat. @param {ChatPage} chat */
export async function openList(chat) {
  await chat.page.evaluate(() => {
    const button = document.getElementById("sidebar-open");
    if (button?.checkVisibility() && button.ariaExpanded === "false") button.click();
  });
}

/**
 * @param {ChatPage} chat
 * @param {"chat" | "models" | "engine" | "appearance"} view
 */
async function openPanel(chat, view) {
  await chat.press("Settings");
  await chat.page.click((id) => document.getElementById(id), `tab-${view}`);
  await chat.page.waitForSelector(`#panel-${view}:not([hidden])`);
  await chat.page.$$eval("#side-panel details", (groups) => {
    for (const group of groups) /** @type {HTMLDetailsElement} */ (group).open = true;
  });
}

/** @param {ChatPage} chat */
async function openPicker(chat) {
  if (!(await chat.page.evaluate(() => document.querySelector(".chooser:popover-open") !== null))) await chat.openModels();
  await chat.page.waitFor(() => document.querySelectorAll(".chooser-group").length === 3);
}

/** @param {ChatPage} chat */
async function openModels(chat) {
  await openPanel(chat, "models");
  await chat.page.waitForSelector("#panel-models .models-row");
}

/** @param {ChatPage} chat */
async function searchModels(chat) {
  await chat.page.type("#models-search", "tiny chat");
  await chat.page.press("Enter");
  await chat.page.waitForSelector(".models-repository");
  await chat.page.click(() => document.querySelector(".models-repository > summary"));
  await chat.page.waitForSelector(".models-inside .panel-button");
}

/**
 * Has the server hold a conversation of a question and this answer.
 * @param {string} address
 * @param {string} title
 * @param {string} text
 * @param {number} [at] when it was used last, in milliseconds since 1970
 */
async function importText(address, title, text, at = Date.now()) {
  const common = { created_at: at, state: "done", generation: null };
  const messages = [
    { ...common, id: "q", parent: null, role: "user", content: "Show me" },
    { ...common, id: "a", parent: "q", role: "assistant", content: text },
  ];
  const facts = { id: randomUUID(), title, settings: {}, leaf: "a", created_at: at, updated_at: at };
  const file = { format: "streamui.conversations", version: 1, conversations: [{ ...facts, messages }] };
  const response = await fetch(`${address}/api/conversations/import`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(file),
  });
  const { imported } = await response.json();
  if (imported.length !== 1) throw new Error(`The import of ${title} was answered with ${response.status}`);
}

/** A server, and a proxy before it, for one screen after the other. */
export class Stages {
  #server;
  #proxy;
  /** @type {Promise<Server> | null} the one that asks for a token, once a screen needs it */
  #guarded = null;
  /** @type {Promise<Server> | null} the one with several models */
  #several = null;

  /**
   * @param {Server} server
   * @param {HttpProxy} proxy
   */
  constructor(server, proxy) {
    this.#server = server;
    this.#proxy = proxy;
  }

  static async start() {
    const server = await Server.start({ stepMs: STEP_MS, hasHub: true });
    const proxy = await HttpProxy.start(server.port);
    proxy.prelude = answerAlike;
    return new Stages(server, proxy);
  }

  /**
   * @param {Browser} browser
   * @param {Screen} screen
   * @param {Viewport} viewport
   * @returns {Promise<ChatPage>} a new page that shows it
   */
  async show(browser, screen, viewport) {
    await this.#server.forgetConversations();
    await this.#server.forgetDownloads();
    this.#server.takeTime();
    this.#proxy.isDown = false;
    const chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport(viewport);
    if (screen.place !== "outside") {
      await chat.open(this.#proxy.address);
      await chat.listIsThere();
    }
    await screen.arrange({ chat, proxy: this.#proxy, server: this.#server, guarded: () => this.#guardedAddress(), several: () => this.#severalAddress() });
    return chat;
  }

  async #severalAddress() {
    this.#several ??= Server.start({ models: ["storyteller-5m", "recipes-5m"] });
    const server = await this.#several;
    server.holdLoading();
    await server.forgetConversations();
    return server.address;
  }

  async #guardedAddress() {
    this.#guarded ??= Server.start({ auth: "token" });
    return (await this.#guarded).address;
  }

  /** Has answers written at once, and end by themselves. */
  hurry() {
    this.#server.hurry();
  }

  async stop() {
    await this.#proxy.stop();
    await this.#server.stop();
    await (await this.#guarded)?.stop();
    await (await this.#several)?.stop();
  }
}

/** Runs in the page: the model answers the same question in the same words each time. */
function answerAlike() {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (frame) {
    const message = JSON.parse(String(frame));
    if (message.type === "generate") message.params = { seed: 5, ...message.params };
    send.call(this, JSON.stringify(message));
  };
}
