import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { holds } from "./holds.js";
import { readLog } from "./log-reader.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./http-proxy.js").HttpProxy} HttpProxy */
/** @typedef {import("./server.js").Server} Server */

const STORY = "Write a long story in ten chapters";
/** So that a story takes two minutes. */
const STEP_MS = 60;

describe("A chat in two tabs", () => {
  const setUp = useChat({ server: { stepMs: STEP_MS }, viewport: { width: 800, height: 600 } });
  /** @type {Server} */
  let server;
  /** @type {ChatPage} */
  let chat;
  /** @type {ChatPage} */
  let other;

  beforeEach(() => {
    ({ server, chat } = setUp);
  });

  afterEach(() => {
    server.takeTime();
  });

  async function askForStory() {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(20);
  }

  it("shows in the second one what the first one has asked, while it is written, and the same in the end", async () => {
    await askForStory();
    other = await chat.openBeside();
    await other.lastStatusSays("Writing");
    await other.lastAnswerIsLongerThan((await other.lastAnswer()).length + 50);
    server.hurry();
    await chat.page.bringToFront();
    await chat.isIdle();
    await other.page.bringToFront();
    await other.isIdle();
    const [id = ""] = await chat.generations();
    const text = await chat.rendered((await readLog(server.address, id)).text);
    await holds(async () => assert.deepEqual([await chat.answers(), await other.answers()], [[text], [text]]));
    assert.deepEqual([chat.complaints, other.complaints], [[], []]);
  });

  it("brings a message of either tab to the other, which stops it", async () => {
    server.hurry();
    await chat.ask("What can you do?");
    await chat.isAnswered();
    server.takeTime();
    other = await chat.openBeside();
    await other.isAnswered();
    await other.ask(STORY);
    await chat.page.bringToFront();
    await chat.hasAnswers(2);
    await chat.lastAnswerIsLongerThan(20);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    await other.page.bringToFront();
    await other.lastStatusSays("Stopped");
    await other.isIdle();
    const id = (await other.generations()).at(-1) ?? "";
    const { text, reason } = await readLog(server.address, id);
    const shown = await other.rendered(text);
    await holds(async () => assert.deepEqual([reason, await chat.lastAnswer(), await other.lastAnswer()], ["cancelled", shown, shown]));
    server.hurry();
    await other.ask("What can you do?");
    await other.hasAnswers(3);
    await other.isAnswered();
    await chat.page.bringToFront();
    await chat.hasAnswers(3);
    await chat.isAnswered();
    await holds(async () => assert.deepEqual(await chat.answers(), await other.answers()));
  });

  it("stops from a tab what another one asked that has been closed", async () => {
    await askForStory();
    other = await chat.openBeside();
    await other.lastAnswerIsLongerThan(20);
    await chat.page.close();
    await other.page.bringToFront();
    await other.press("Stop");
    await other.lastStatusSays("Stopped");
  });

  it("begins a new chat in one, while the other stays and its answer goes on", async () => {
    await askForStory();
    other = await chat.openBeside();
    await other.lastStatusSays("Writing");
    const [id = ""] = await chat.generations();
    await other.press("New chat");
    await other.page.waitForSelector("#welcome:not([hidden])");
    await other.isIdle();
    await chat.page.bringToFront();
    await chat.lastAnswerIsLongerThan((await chat.lastAnswer()).length + 50);
    server.hurry();
    await chat.isIdle();
    await holds(async () => assert.deepEqual(await chat.answers(), [await chat.rendered((await readLog(server.address, id)).text)]));
  });
});

describe("A page that comes back", () => {
  const setUp = useChat({ server: { stepMs: STEP_MS }, isProxied: true });
  /** @type {Server} */
  let server;
  /** @type {HttpProxy} */
  let proxy;
  /** @type {ChatPage} */
  let chat;

  beforeEach(async () => {
    ({ server, proxy, chat } = setUp);
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(20);
  });

  /** Has the page go on with the answer, to its end or until it is stopped. */
  async function goesOn() {
    await chat.lastAnswerIsLongerThan((await chat.lastAnswer()).length + 50);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    const [id = ""] = await chat.generations();
    await holds(async () => assert.deepEqual(await chat.answers(), [await chat.rendered((await readLog(server.address, id)).text)]));
  }

  it("from being offline goes on at once when it is online", async () => {
    await chat.page.setOffline(true);
    proxy.isDown = true;
    proxy.cut();
    await chat.connectionSays("Offline");
    await chat.lastStatusSays("The answer will continue when it's back.");
    // However long the present wait is: no number stands beside "Offline", so that nothing is to be waited for.
    proxy.isDown = false;
    await chat.page.setOffline(false);
    await chat.connected();
    await goesOn();
  });

  it("from a sleep in which its connection died unnoticed looks for it when it is seen, and goes on", async () => {
    proxy.stall();
    await chat.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await chat.page.waitForSelector('#connection:not([data-state="connected"])');
    await chat.connected();
    await goesOn();
  });
});
