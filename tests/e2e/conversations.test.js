import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { HttpProxy } from "./http-proxy.js";
import { Server } from "./server.js";

const STORY = "Write a long story in ten chapters";
const QUESTION = "What can you do?";

describe("Conversations", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;
  /** @type {ChatPage[]} */
  let pages = [];

  before(async () => {
    server = await Server.start({ stepMs: 25 });
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = await open(server.address);
  });

  afterEach(async () => {
    server.takeTime();
    await Promise.all(pages.map((page) => page.leave()));
    pages = [];
  });

  /** A page in a browser of its own. @param {string} address */
  async function open(address) {
    const opened = new ChatPage(await browser.newPage());
    pages.push(opened);
    await opened.page.setViewport({ width: 1180, height: 820 });
    await opened.open(address);
    return opened;
  }

  /** @param {string} [question] */
  async function askForAnswer(question = QUESTION) {
    server.hurry();
    await chat.ask(question);
    await chat.isAnswered();
    server.takeTime();
  }

  it("are live in two browsers at once, from the question to the end", async () => {
    await askForAnswer();
    const other = await open(await chat.page.url());
    await chat.page.bringToFront();
    await chat.ask(STORY);
    await other.page.bringToFront();
    await other.hasAnswers(2);
    await other.lastAnswerIsLongerThan(20);
    await other.press("Stop");
    await other.lastStatusSays("Stopped");
    await chat.page.bringToFront();
    await chat.lastStatusSays("Stopped");
    await holds(async () => assert.deepEqual(await chat.answers(), await other.answers()));
    assert.deepEqual([chat.complaints, other.complaints], [[], []]);
  });

  it("go on when they have outgrown the model's context, and say how much of them it is not given", async () => {
    const messages = Array.from({ length: 40 }, (_, index) => {
      const [id, parent] = [`m${index}`, index > 0 ? `m${index - 1}` : null];
      return { id, parent, role: index % 2 ? "assistant" : "user", content: `Part ${index}: ${"some more words of it ".repeat(20)}` };
    });
    const file = { format: "streamui.conversations", version: 1, conversations: [{ id: "outgrown", leaf: "m39", messages }] };
    const headers = { "content-type": "application/json" };
    const taken = await fetch(`${server.address}/api/conversations/import`, { method: "POST", headers, body: JSON.stringify(file) });
    assert.equal(taken.status, 200);
    await chat.open(`${server.address}/c/outgrown`);
    server.hurry();
    await chat.ask(QUESTION);
    await chat.lastStatusSays("earlier messages left out");
    await chat.isIdle();
    await chat.lastStatusSays("earlier messages left out");
    await chat.page.reload();
    await chat.connected();
    await chat.lastStatusSays("earlier messages left out");
  });

  it("have a branch for each version of a question and of an answer", async () => {
    await askForAnswer();
    const [first] = await chat.answers();
    server.hurry();
    await chat.pressLast("Regenerate");
    await chat.branchesSay("2/2");
    await chat.isAnswered();
    await chat.pressLast("Previous version");
    await chat.branchesSay("1/2");
    await holds(async () => assert.deepEqual(await chat.answers(), [first]));
    await chat.page.press("ArrowRight");
    await chat.branchesSay("2/2");
    await chat.page.focus("#composer-input");
    await chat.page.press("ArrowUp");
    await chat.hasFocus(".editor-input");
    await chat.page.type(".editor-input", " And how?");
    await chat.page.press("Enter");
    await chat.questionsAre([`${QUESTION} And how?`]);
    await chat.isAnswered();
    await chat.reload();
    await chat.questionsAre([`${QUESTION} And how?`]);
    await chat.branchesSay("2/2");
    assert.deepEqual(chat.complaints, []);
  });

  it("of a temporary chat are neither on the server nor in the browser", async () => {
    const before = await (await fetch(`${server.address}/api/conversations`)).json();
    await chat.press("Temporary chat");
    await chat.page.waitForSelector("#temporary-notice:not([hidden])");
    server.hurry();
    await chat.answered(QUESTION);
    await chat.answered("And then?");
    await chat.write("Unsent quokka");
    await holds(async () => assert.equal(await chat.page.$eval("#title", ({ textContent }) => textContent), "Temporary chat"));
    assert.equal(new URL(await chat.page.url()).pathname, "/");
    assert.deepEqual(await (await fetch(`${server.address}/api/conversations`)).json(), before);
    const stored = await chat.page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }));
    for (const text of [QUESTION, "And then?", "quokka"]) assert.equal(stored.includes(text), false, text);
    await chat.page.press("Backspace");
    await chat.press("New chat");
    await chat.page.waitForSelector("#temporary-notice[hidden]");
    await holds(async () => assert.deepEqual(await chat.answers(), []));
    assert.deepEqual(chat.complaints, []);
  });

  it("keep an answer that was edited, go on from it, and branch into a new chat", async () => {
    await askForAnswer();
    await chat.pressLast("Edit");
    await chat.hasFocus(".editor-input");
    await chat.page.press("Enter");
    await chat.fill("Frogs and", ".editor-input");
    await chat.press("Save");
    await chat.lastStatusSays("Edited");
    await holds(async () => assert.equal(await chat.lastAnswer(), "Frogs and"));
    const other = await open(await chat.page.url());
    await holds(async () => assert.equal(await other.lastAnswer(), "Frogs and"));
    await chat.page.bringToFront();
    await chat.pressLast("Edit");
    await chat.hasFocus(".editor-input");
    server.hurry();
    await chat.press("Save and continue");
    await chat.isAnswered();
    await chat.lastStatusSays("Edited");
    const continued = await chat.lastAnswer();
    assert.match(continued, /^Frogs and/);
    await holds(async () => assert.equal(await other.lastAnswer(), continued));
    await chat.page.bringToFront();
    const before = await chat.page.url();
    await chat.chooseLast("Branch into a new chat");
    await chat.listSays(`${QUESTION} (branch)`);
    await holds(async () => assert.notEqual(await chat.page.url(), before));
    await holds(async () => assert.equal(await chat.lastAnswer(), continued));
    await chat.ask("And then?");
    await chat.hasAnswers(2);
    await chat.isAnswered();
    assert.equal((await other.document()).messages.length, 2);
    assert.deepEqual(chat.complaints, []);
  });

  it("go on with a stopped answer from its exact text", async () => {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(20);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    const stopped = await chat.lastAnswer();
    await chat.press("Continue");
    await chat.lastAnswerIsLongerThan(stopped.length + 50);
    await chat.reload();
    await chat.lastAnswerIsLongerThan(stopped.length + 50);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    await holds(async () => assert.ok((await chat.lastAnswer()).startsWith(stopped)));
    await holds(async () => assert.equal((await chat.document()).messages.length, 2));
  });

  it("lose a message, and get it back", async () => {
    await askForAnswer();
    const [answer] = await chat.answers();
    await chat.keepToasts();
    await chat.chooseLast("Delete this and everything after");
    await chat.hasAnswers(0);
    await chat.press("Undo");
    await chat.hasAnswers(1);
    await holds(async () => assert.deepEqual(await chat.answers(), [answer]));
  });

  it("are deleted and brought back, in every browser", async () => {
    await askForAnswer("Say hello to the hedgehog");
    const other = await open(server.address);
    await other.listSays("Say hello to the hedgehog");
    await chat.page.bringToFront();
    await chat.keepToasts();
    await chat.chooseListed("Say hello to the hedgehog", "Delete");
    await chat.page.waitForSelector("#welcome:not([hidden])");
    await other.page.bringToFront();
    await other.listDoesNotSay("Say hello to the hedgehog");
    await chat.page.bringToFront();
    await chat.press("Undo");
    await chat.hasAnswers(1);
    await other.page.bringToFront();
    await other.listSays("Say hello to the hedgehog");
  });

  it("are renamed, pinned and found", async () => {
    await askForAnswer("Where does the badger live?");
    await chat.chooseListed("Where does the badger live?", "Rename");
    await chat.hasFocus(".row-input");
    await chat.page.type(".row-input", "A burrow");
    await chat.page.press("Enter");
    await chat.listSays("A burrow");
    await holds(async () => assert.equal(await chat.page.$eval("#title", (title) => title.textContent), "A burrow"));
    await chat.chooseListed("A burrow", "Pin");
    await chat.page.waitFor(() => document.querySelector(".group-name")?.textContent === "Pinned");
    await chat.press("New chat");
    await chat.page.press("Control+k");
    await chat.page.type("#search", "badger");
    await chat.page.waitFor(() => document.querySelector(".row-snippet mark")?.textContent?.toLowerCase() === "badger");
    await chat.openListed("A burrow");
    await chat.hasAnswers(1);
    await chat.questionsAre(["Where does the badger live?"]);
  });

  it("are written at the same time, and the list and the title say so", async () => {
    await chat.ask(`${STORY}, please`);
    await chat.lastAnswerIsLongerThan(20);
    await chat.press("New chat");
    await chat.page.waitForSelector("#welcome:not([hidden])");
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(20);
    await chat.page.waitFor(() => document.querySelectorAll('.row[data-writing="true"]').length === 2);
    await holds(async () => assert.match(await chat.page.title(), /^✎ Write a long story/));
    await chat.openListed(`${STORY}, please`);
    await chat.questionsAre([`${STORY}, please`]);
    await chat.lastAnswerIsLongerThan((await chat.lastAnswer()).length + 50);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    await chat.page.waitFor(() => document.title.startsWith("(1) "));
    server.hurry();
    await chat.page.waitFor(() => !document.title.startsWith("("));
    assert.deepEqual(chat.complaints, []);
  });

  it("are where the address says, also back and forward and in a new tab", async () => {
    await askForAnswer("First question");
    const first = await chat.page.url();
    await chat.press("New chat");
    await chat.page.waitForSelector("#welcome:not([hidden])");
    await askForAnswer("Second question");
    const second = await chat.page.url();
    await chat.page.evaluate(() => history.back());
    await chat.page.waitForSelector("#welcome:not([hidden])");
    await chat.page.evaluate(() => history.back());
    await chat.questionsAre(["First question"]);
    await holds(async () => assert.equal(await chat.page.url(), first));
    await chat.page.evaluate(() => history.go(2));
    await chat.questionsAre(["Second question"]);
    const other = await open(second);
    await other.questionsAre(["Second question"]);
    await other.page.goto(`${server.address}/c/nowhere`);
    await other.page.waitFor(() => document.getElementById("trouble-title")?.textContent === "Conversation not found");
  });

  it("take what is said while the network is away, also after a reload", async () => {
    const proxy = await HttpProxy.start(server.port);
    try {
      chat = await open(proxy.address);
      await chat.page.setOffline(true);
      proxy.isDown = true;
      proxy.cut();
      await chat.connectionSays("Offline");
      await chat.ask("Are you there?");
      await chat.lastStatusSays("Will send when reconnected");
      const address = await chat.page.url();
      proxy.isDown = false;
      await chat.page.goto("about:blank");
      await chat.page.setOffline(false);
      server.hurry();
      await chat.page.goto(address);
      await chat.connected();
      await chat.isAnswered();
      await chat.questionsAre(["Are you there?"]);
      await chat.listSays("Are you there?");
      await holds(async () => assert.equal((await chat.document()).messages.length, 2));
    } finally {
      await proxy.stop();
    }
  });

  it("fit on a phone, where they are in a drawer", async () => {
    await askForAnswer();
    await chat.page.setViewport({ width: 360, height: 740, isMobile: true });
    assert.equal(await chat.overhang(), 0);
    await chat.press("Show sidebar");
    await chat.page.waitForSelector('.sidebar[data-open="true"]');
    await chat.hasFocus("#sidebar-close");
    await chat.page.press("Escape");
    await chat.page.waitForSelector('.sidebar[data-open="false"]');
    await chat.press("Show sidebar");
    await chat.openListed(QUESTION);
    await chat.page.waitForSelector('.sidebar[data-open="false"]');
    await chat.hasAnswers(1);
    assert.equal(await chat.overhang(), 0);
  });
});
