/** The page's screens, each a state that a person can see: for the tests of accessibility and for the pictures. */

import { ChatPage } from "./chat-page.js";
import { ComposerPage } from "./composer-page.js";
import { HttpProxy } from "./http-proxy.js";
import { Server } from "./server.js";

/** @typedef {import("./browsers/index.js").Browser} Browser */
/** @typedef {import("./browsers/tab.js").Viewport} Viewport */
/**
 * @typedef {object} Stage
 * @property {ChatPage} chat open and connected
 * @property {HttpProxy} proxy through which it is connected
 * @property {Server} server its model takes its time, unless it is told to hurry
 */
/**
 * @typedef {object} Screen
 * @property {string} name
 * @property {(stage: Stage) => Promise<void>} arrange brings a new page into this state, in which it stays
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
    arrange: async ({ chat }) => {
      await attach(chat);
      await chat.page.focus(".file-open");
      await chat.page.press("Enter");
      await chat.page.waitForSelector(".viewer[open]");
    },
  },
  {
    name: "list-menu",
    arrange: async ({ chat, server }) => {
      await importText(server.address, "What the menu is about", "An answer.");
      await chat.listSays("What the menu is about");
      await chat.press("Options for What the menu is about");
      await chat.page.waitForSelector("[role=menu]");
    },
  },
  {
    name: "searching",
    arrange: async ({ chat, server }) => {
      await importText(server.address, "A conversation to be found", "The needle is in this haystack.");
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
    },
  },
  { name: "settings", arrange: ({ chat }) => openPanel(chat, "chat") },
  { name: "engine", arrange: ({ chat }) => openPanel(chat, "engine") },
  { name: "appearance", arrange: ({ chat }) => openPanel(chat, "appearance") },
  {
    name: "shortcuts",
    arrange: async ({ chat }) => {
      await chat.press("Keyboard shortcuts");
      await chat.page.waitForSelector("dialog[open]");
    },
  },
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

/**
 * @param {ChatPage} chat
 * @param {"chat" | "engine" | "appearance"} view
 */
async function openPanel(chat, view) {
  await chat.press("Settings");
  await chat.page.click((id) => document.getElementById(id), `tab-${view}`);
  await chat.page.waitForSelector(`#panel-${view}:not([hidden])`);
  await chat.page.$$eval("#side-panel details", (groups) => {
    for (const group of groups) /** @type {HTMLDetailsElement} */ (group).open = true;
  });
}

/**
 * Has the server hold a conversation of a question and this answer.
 * @param {string} address
 * @param {string} title
 * @param {string} text
 */
async function importText(address, title, text) {
  const common = { created_at: Date.now(), state: "done", generation: null };
  const messages = [
    { ...common, id: "q", parent: null, role: "user", content: "Show me" },
    { ...common, id: "a", parent: "q", role: "assistant", content: text },
  ];
  const facts = { id: "c", title, settings: {}, leaf: "a", created_at: Date.now(), updated_at: Date.now() };
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

  /**
   * @param {Server} server
   * @param {HttpProxy} proxy
   */
  constructor(server, proxy) {
    this.#server = server;
    this.#proxy = proxy;
  }

  static async start() {
    const server = await Server.start({ stepMs: STEP_MS });
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
    this.#server.takeTime();
    this.#proxy.isDown = false;
    const chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport(viewport);
    await chat.open(this.#proxy.address);
    await chat.listIsThere();
    await screen.arrange({ chat, proxy: this.#proxy, server: this.#server });
    return chat;
  }

  /** Has answers written at once, and end by themselves. */
  hurry() {
    this.#server.hurry();
  }

  async stop() {
    await this.#proxy.stop();
    await this.#server.stop();
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
