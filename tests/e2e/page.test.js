import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { ComparisonPage } from "./comparison-page.js";
import { ExplorePage } from "./explore-page.js";
import { holds } from "./holds.js";
import { HttpProxy } from "./http-proxy.js";
import { Server } from "./server.js";

const STORY = "Tell me a long story";

describe("The page", () => {
  /** @type {Server | undefined} */
  let server;
  /** @type {Browser | undefined} */
  let browser;
  /** @type {HttpProxy | undefined} */
  let proxy;
  /** @type {ChatPage[]} */
  let pages = [];
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start({ stepMs: 30 });
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    server?.hurry();
    chat = await openChat();
  });

  afterEach(async () => {
    await Promise.all(pages.map((each) => each.leave()));
    pages = [];
    await proxy?.stop();
    proxy = undefined;
  });

  /** @param {{width?: number, height?: number, isMobile?: boolean}} [viewport] in CSS pixels */
  async function openChat({ width = 1180, height = 820, isMobile = false } = {}) {
    assert.ok(browser && server);
    const opened = new ChatPage(await browser.newPage());
    pages.push(opened);
    await opened.page.setViewport({ width, height, isMobile });
    await opened.open(server.address);
    return opened;
  }

  it("loads without a complaint from the browser and names its model", async () => {
    await holds(async () => assert.equal(await chat.page.title(), "StreamUI"));
    assert.notEqual(await chat.page.$eval("#model", (element) => element.textContent), "");
    assert.deepEqual(chat.complaints, []);
  });

  it("forbids inline script and style, and obeys that itself", async () => {
    const { headers } = await fetch(await chat.page.url());
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    await chat.ask("What can you do?");
    await chat.isAnswered();
    assert.deepEqual(chat.complaints, []);
  });

  it("shows an answer while it grows", async () => {
    await chat.watchGrowth();
    server?.takeTime();
    await chat.ask(STORY);
    await chat.page.waitFor(() => /** @type {any} */ (window).paintedLengths.length > 3);
    server?.hurry();
    await chat.isIdle();
    await chat.isAnswered();
    const [status] = await chat.statuses();
    assert.match(status ?? "", /^(Done · [\d,]+ tokens|Stopped at your [\d,]+-token limit|Context full \([\d,]+ tokens\))( · [\d,.]+ tokens\/s)?$/);
  });

  for (const how of /** @type {const} */ (["click", "Escape"])) {
    it(`stops by ${how} within a moment and keeps the text, then answers again`, async () => {
      server?.takeTime();
      await chat.stopWithFirstText(how);
      await chat.ask(STORY);
      await chat.lastStatusSays("Stopped");
      await chat.isIdle();
      server?.hurry();
      const [text] = await chat.answers();
      assert.ok(text);
      await holds(async () => assert.match((await chat.statuses())[0] ?? "", /^Stopped · [\d,]+ tokens?$/));
      await chat.ask("What can you do?");
      await chat.isAnswered();
      const [stopped, second] = await chat.answers();
      assert.equal(stopped, text);
      assert.notEqual(second, "");
      assert.deepEqual(chat.complaints, []);
    });
  }

  it("asks a suggested question and begins a new chat", async () => {
    await chat.press("What can you do?");
    await chat.isAnswered();
    await chat.press("New chat");
    await chat.page.waitForSelector("#welcome:not([hidden])");
    await holds(async () => assert.deepEqual(await chat.answers(), []));
  });

  it("keeps the draft that is written while an answer runs", async () => {
    await chat.ask(STORY);
    await chat.write("And then?");
    await chat.isIdle();
    await holds(async () => assert.equal(await chat.draft(), "And then?"));
  });

  it("starts a new line with Shift and Enter, and leaves Enter to an input method", async () => {
    await chat.write("one");
    await chat.page.press("Shift+Enter");
    await chat.write("two");
    await chat.page.$eval("#composer-input", (input) => {
      const composing = new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true });
      input.dispatchEvent(composing);
    });
    await holds(async () => assert.equal(await chat.draft(), "one\ntwo"));
    await holds(async () => assert.deepEqual(await chat.answers(), []));
  });

  it("says that a prompt is too long and gives it back", async () => {
    const prompt = "This sentence is here to fill the whole context of the model. ".repeat(600);
    await chat.paste(prompt);
    await chat.page.press("Enter");
    await chat.lastStatusSays("too long");
    await holds(async () => assert.match((await chat.statuses())[0] ?? "", /\d.* .*\d/));
    await chat.press("Edit message");
    await holds(async () => assert.equal(await chat.draft(), prompt.trim()));
    await holds(async () => assert.deepEqual(await chat.answers(), []));
  });

  it("keeps every character and every line of an answer, however long it gets", async () => {
    await chat.ask(STORY);
    await chat.isAnswered();
    await chat.isIdle();
    await chat.page.$eval(".answer-text", (element) => getSelection()?.selectAllChildren(element));
    // Firefox lays out what is selected out of view with the next frame.
    await chat.page.waitFor(() => {
      const [selected, text] = [getSelection()?.toString(), document.querySelector(".answer-text")?.textContent];
      return Boolean(text) && selected?.replaceAll(/\s/g, "") === text?.replaceAll(/\s/g, "");
    });
  });

  it("stays at the end of an answer unless the reader scrolls up", async () => {
    await chat.page.setViewport({ width: 400, height: 360 });
    await chat.ask(STORY);
    await chat.isAnswered();
    await chat.isIdle();
    await chat.page.waitFor(() => {
      const viewport = document.getElementById("viewport");
      return viewport && viewport.scrollTop > 0 && viewport.scrollHeight - viewport.clientHeight - viewport.scrollTop < 2;
    });
    await chat.page.$eval("#viewport", (viewport) => viewport.scrollTo(0, 0));
    await chat.page.waitForSelector("#to-end:not([hidden])");
    await chat.press("Go to the end");
    await chat.page.waitForSelector("#to-end[hidden]");
  });

  it("walks the tokens of an answer with the keys, and writes another version beside it", async () => {
    const explore = new ExplorePage(chat.page);
    server?.takeTime();
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(20);
    await explore.open(chat);
    await explore.press("Home");
    await explore.isAt(0);
    await explore.press("ArrowRight");
    await explore.isAt(1);
    await explore.press("Enter");
    const chosen = await explore.choose();
    await chat.branchesSay("2/2");
    await chat.lastAnswerIsLongerThan(chosen.length);
    assert.ok((await chat.lastAnswer()).includes(chosen.trim()));
    assert.deepEqual(chat.complaints, []);
    await server?.forgetConversations(); // both answers are long
  });

  it("writes two answers side by side, and keeps one", async () => {
    const comparison = new ComparisonPage(chat);
    server?.takeTime();
    await comparison.setUp([1, 2]);
    await chat.ask(STORY);
    await comparison.areLongerThan(5);
    const [, second = ""] = await comparison.texts();
    await chat.press("Keep this one: Seed 2");
    await comparison.isGone();
    await chat.branchesSay("2/2");
    await chat.lastAnswerIsLongerThan(second.length - 1);
    assert.ok((await chat.lastAnswer()).startsWith(second));
    assert.deepEqual(chat.complaints, []);
    await server?.forgetConversations(); // both answers are long
  });

  it("runs in two browsers that do not disturb each other", async () => {
    const other = await openChat();
    await chat.page.bringToFront();
    await chat.ask(STORY);
    await other.page.bringToFront();
    await other.ask("What can you do?");
    await other.isAnswered();
    await chat.page.bringToFront();
    await chat.isAnswered();
    await chat.isIdle();
    const [[story], [reply]] = [await chat.answers(), await other.answers()];
    assert.notEqual(story, "");
    assert.notEqual(reply, "");
    assert.notEqual(story, reply);
  });

  for (const [what, breakStorage] of /** @type {const} */ ([
    ["forbids it", () => Object.defineProperty(window, "localStorage", { get: () => { throw new Error("SecurityError"); } })],
    ["has no room", () => { Storage.prototype.setItem = () => { throw new Error("QuotaExceededError"); }; }],
    ["holds rubbish", () => localStorage.setItem("streamui.outbox.v1", "{rubbish")],
  ])) {
    it(`works without keeping anything where the browser ${what}`, async () => {
      assert.ok(browser && server);
      const bare = new ChatPage(await browser.newPage());
      pages.push(bare);
      proxy = await HttpProxy.start(server.port);
      proxy.prelude = breakStorage;
      await bare.open(proxy.address);
      await bare.ask("What can you do?");
      await bare.isAnswered();
      assert.deepEqual(bare.complaints, []);
    });
  }

  it("fits on a phone", async () => {
    const phone = await openChat({ width: 360, height: 480, isMobile: true });
    assert.equal(await phone.overhang(), 0);
    await holds(async () => assert.equal(await phone.page.$eval("#viewport", ({ scrollTop }) => scrollTop), 0));
    await phone.page.setViewport({ width: 360, height: 740, isMobile: true });
    await phone.write("x".repeat(300));
    await phone.press("Send");
    await phone.isAnswered();
    await phone.isIdle();
    assert.equal(await phone.overhang(), 0);
    const button = await phone.page.$eval("#composer-button", (element) => element.getBoundingClientRect().toJSON());
    assert.ok(button.right <= 360 && button.bottom <= 740);
  });
});
