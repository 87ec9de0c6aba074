import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { TEXT_SIZES } from "../../frontend/panels/appearance-panel.js";
import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { MIN_CHARACTERS, layoutFaults } from "./geometry.js";
import { PanelsPage } from "./panels-page.js";
import { Server } from "./server.js";

const WIDTHS = [320, 360, 412, 480, 560, 600, 680, 768, 820, 900, 960, 970, 980, 1024, 1080, 1180, 1280, 1366, 1440, 1600, 1920];
const HEIGHT = 800;
const STEP_MS = 100;

describe("The page's layout, in every width and text size", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;
  /** @type {PanelsPage} */
  let panels;

  before(async () => {
    server = await Server.start({ stepMs: STEP_MS });
    browser = await Browser.start({ isReducedMotion: true });
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
    panels = new PanelsPage(chat.page);
    await setWidth(1440);
    await chat.open(server.address);
  });

  afterEach(async () => {
    await chat.leave();
    await server.forgetConversations();
  });

  /** @param {number} width */
  async function setWidth(width) {
    await chat.page.setViewport({ width, height: HEIGHT });
    await chat.page.waitFor((expected) => innerWidth === expected, width);
  }

  /** Lets observers of sizes do their work: they run before the next frame is painted. */
  async function isLaidOut() {
    await chat.page.evaluate(async () => {
      for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
    });
  }

  async function everyLayoutIsSound() {
    const faults = /** @type {string[]} */ ([]);
    for (const size of TEXT_SIZES) {
      await panels.setTextSize(size);
      for (const width of WIDTHS) {
        await setWidth(width);
        await isLaidOut();
        const found = await chat.page.evaluate(layoutFaults, MIN_CHARACTERS);
        if (found.length > 0) faults.push(`${width} px, ${size} %: ${found.join("; ")}`);
      }
    }
    assert.deepEqual(faults, []);
  }

  it("is sound in a new chat, with settings that it may keep", async () => {
    await chat.page.evaluate(() => {
      const params = { temperature: 1.5, max_tokens: 2_000_000_000, repeat_penalty: 1.125, top_k: 40, json_schema: {} };
      localStorage.setItem("streamui.settings.v1", JSON.stringify({ system: "Be brief.", params }));
    });
    await chat.reload();
    await chat.page.waitForSelector("#chips-question:not([hidden])");
    await everyLayoutIsSound();
  });

  it("is sound beside or under the settings", async () => {
    await panels.open("chat");
    await everyLayoutIsSound();
  });

  it("is sound while an answer is written, with a queued message and a draft", async () => {
    await chat.ask("Write a long story in ten chapters");
    await chat.lastAnswerIsLongerThan(10);
    await chat.ask("What is the longest word that you know, and does it have more characters than this question?");
    await chat.page.waitForSelector(".queued");
    await chat.write("A draft");
    await everyLayoutIsSound();
  });

  it("is sound with the list of conversations open as a drawer", async () => {
    await setWidth(320);
    await chat.press("Show sidebar");
    await everyLayoutIsSound();
  });
});
