import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { BROWSER, Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { importLong } from "./long-conversation.js";
import { Server } from "./server.js";

const STORY = "Tell me a long story";
const PHONE = { width: 390, height: 780, isMobile: true, deviceScaleFactor: 2 };
/** Thought for some seconds at this speed, so that the time of it is worth telling. */
const TOKENS_PER_SECOND = 20;
const THOUGHT = { "thought.md": `<think>\n${"Hm, let me see. ".repeat(10)}</think>\n\nYes.` };

describe("A thought", () => {
  it("says how long it took, also after a reload and on another device", async () => {
    const server = await Server.startReciting(THOUGHT, TOKENS_PER_SECOND);
    const browser = await Browser.start();
    try {
      const chat = new ChatPage(await browser.newPage());
      await chat.open(server.address);
      await chat.answered("thought.md");
      const summary = () => chat.page.$eval(".thinking > summary", ({ textContent }) => textContent ?? "");
      await holds(async () => assert.match(await summary(), /^Thought for \d+ s$/));
      await chat.reload();
      await chat.page.waitForSelector(".thinking > summary");
      const reloaded = await summary();
      assert.match(reloaded, /^Thought for \d+ s$/);
      const device = new ChatPage(await browser.newPage());
      await device.open(await chat.page.url());
      await device.page.waitFor((words) => document.querySelector(".thinking > summary")?.textContent === words, reloaded);
      await device.leave();
      await chat.leave();
    } finally {
      await browser.stop();
      await server.stop();
    }
  });
});

describe("Messages", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start({ stepMs: 30 });
    browser = await Browser.start();
    await importLong(server, { id: "short", title: "A short one", messages: 6, answer: "An **answer**." });
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
    await chat.open(server.address);
  });

  afterEach(async () => {
    await chat.leave();
  });

  async function openShort() {
    await chat.open(`${server.address}/c/short`);
    await chat.page.waitForSelector(".message:nth-child(6)");
    await chat.page.waitForSelector(".message:first-child .actions button");
  }

  /** @returns {Promise<number>} of the last answer */
  async function tokens() {
    return Number(/ · ([\d,]+) tokens/.exec((await chat.statuses()).at(-1) ?? "")?.[1]?.replace(",", ""));
  }

  it("that were continued count all of their tokens, also after a reload", async () => {
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(60);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped · ");
    const [first, length] = [await tokens(), (await chat.lastAnswer()).length];
    await chat.press("Continue");
    await chat.lastAnswerIsLongerThan(length + 10);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped · ");
    const whole = await tokens();
    assert.ok(whole > first, `${whole} tokens after ${first}`);
    await chat.reload();
    await chat.lastStatusSays("Stopped · ");
    await holds(async () => assert.equal(await tokens(), whole));
  });

  it("keep the keyboard's focus when an answer is written again, and when it is deleted", async () => {
    await openShort();
    await chat.page.focus('.message:last-child button[aria-label="Regenerate"]');
    await chat.page.press("Enter");
    await chat.branchesSay("2/2");
    await chat.hasFocus(".message:last-child .answer");
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    await chat.page.waitForSelector('.message:last-child button[aria-label="More actions"]');
    await chat.page.focus('.message:last-child button[aria-label="More actions"]');
    await chat.page.press("Enter");
    await chat.page.waitForSelector(".menu:popover-open");
    await chat.keepToasts();
    await chat.page.press("End");
    await chat.page.press("Enter");
    await chat.page.waitForSelector(".toast");
    await chat.hasFocus(".message:last-child article");
  });

  it("show a tick on the button that has copied, and say so", async () => {
    await openShort();
    await chat.page.evaluate(() => {
      Object.defineProperty(navigator, "clipboard", { value: { writeText: async () => {} } });
    });
    await chat.page.waitDuring(
      () => chat.pressLast("Copy"),
      () => document.querySelector('.message:last-child [data-action="copy"][data-confirmed] use[href="#icon-check"]') !== null,
    );
    await chat.page.waitFor(() => document.getElementById("announcer")?.textContent?.includes("Copied"));
    await chat.page.waitForSelector('.message:last-child [data-action="copy"]:not([data-confirmed]) use[href="#icon-copy"]');
  });

  it("have a time", async () => {
    await chat.ask("Hi");
    await chat.page.waitForSelector(".message:nth-child(2) .message-time");
    await chat.page.waitFor(() => [...document.querySelectorAll(".message-time")].every((time) => /^\d\d:\d\d$/.test(time.textContent ?? "")));
    const times = await chat.page.$$eval(".message-time", (elements) => elements.map((time) => /** @type {HTMLTimeElement} */ (time).dateTime));
    assert.ok(times.every((time) => Math.abs(Date.now() - Date.parse(time)) < 3_600_000), times.join());
  });

  it("have their versions beside them, and none under a toast", async () => {
    await openShort();
    await chat.page.evaluate(() => {
      /** @type {HTMLElement | null} */ (document.querySelector('.message:nth-last-child(2) button[aria-label="Edit"]'))?.click();
    });
    await chat.hasFocus(".editor-input");
    await chat.page.press("Enter");
    await chat.branchesSay("2/2");
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    const gap = await chat.page.evaluate(() => {
      const question = document.querySelector(".question:has(.branches)");
      const [branches, prompt] = [".branches", ".prompt"].map((each) => question?.querySelector(each)?.getBoundingClientRect());
      return branches && prompt ? prompt.left - branches.right : NaN;
    });
    assert.ok(gap >= 0 && gap <= 16, `${gap} px between the versions and the message`);
    await chat.keepToasts();
    await chat.chooseLast("Delete this and everything after");
    await chat.page.waitForSelector(".toast");
    const covered = await chat.page.evaluate(() => {
      const toast = /** @type {Element} */ (document.querySelector(".toast")).getBoundingClientRect();
      const viewport = /** @type {Element} */ (document.getElementById("viewport")).getBoundingClientRect();
      const composer = /** @type {Element} */ (document.getElementById("composer")).getBoundingClientRect();
      return { viewport: viewport.bottom > toast.top + 1, composer: composer.top < toast.bottom - 1 };
    });
    assert.deepEqual(covered, { viewport: false, composer: false });
    await chat.press("Undo");
  });

  it("stay where they are when one is tapped on a phone", { skip: BROWSER === "webkit" ? "it can't be a phone" : false }, async () => {
    await chat.page.setViewport(PHONE);
    await chat.page.goto(`${server.address}/c/short`);
    await chat.page.waitForSelector(".message:nth-child(6)");
    await chat.page.waitForSelector(".message:first-child .actions button");
    const places = () => chat.page.$$eval(".message > article", (articles) => articles.map((each) => each.getBoundingClientRect().top));
    await chat.page.$eval("#viewport", (viewport) => viewport.scrollTo(0, 0));
    const before = await places();
    await chat.page.$eval(".message:first-child .question", (question) => question.focus());
    await chat.page.waitFor(() => document.querySelector(".message:first-child .actions button")?.checkVisibility({ visibilityProperty: true }));
    assert.deepEqual(await places(), before);
    assert.ok((await chat.overhang()) <= 0);
  });
});
