/** The page's screens, each a state that a person can see: for the tests of accessibility and for the pictures. */

import { ChatPage } from "./chat-page.js";
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
      await chat.page.press("Enter");
      await chat.lastStatusSays("Failed: ");
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
];

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
