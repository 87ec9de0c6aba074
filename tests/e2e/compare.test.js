import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { ENDS_BY_ITSELF } from "./chat-page.js";
import { ComparisonPage } from "./comparison-page.js";
import { ExplorePage } from "./explore-page.js";
import { holds } from "./holds.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./server.js").Server} Server */

const STORY = "Write a long story in ten chapters";
const ENDED = ENDS_BY_ITSELF.slice(1);

describe("Answers that are compared", () => {
  const setUp = useChat({ server: { stepMs: 100 } });
  /** @type {Server} */
  let server;
  /** @type {ChatPage} */
  let chat;
  /** @type {ComparisonPage} */
  let comparison;

  beforeEach(() => {
    ({ server, chat } = setUp);
    comparison = new ComparisonPage(chat);
    server.takeTime();
  });

  afterEach(async () => {
    assert.deepEqual(chat.complaints, []); // checked before the chat is deleted
    await server.forgetConversations();
  });

  /** @param {number[]} seeds */
  async function compare(...seeds) {
    await comparison.setUp(seeds);
    await chat.ask(STORY);
    await comparison.areLongerThan(5);
  }

  it("stream side by side, go on after a reload and in another tab, and become versions when one is kept", async () => {
    await compare(1, 2, 3);
    await comparison.tabsAre(["Seed 1", "Seed 2", "Seed 3"]);
    await comparison.statesAre(["Writing", "Writing", "Writing"]);
    await chat.reload();
    await comparison.areLongerThan(8);
    const other = new ComparisonPage(await chat.openBeside());
    await other.tabsAre(["Seed 1", "Seed 2", "Seed 3"]);
    await chat.page.bringToFront();
    server.hurry();
    await comparison.statesAre([ENDED, ENDED, ENDED]);
    const texts = await comparison.texts();
    assert.equal(new Set(texts).size, 3);
    await chat.press("Keep this one: Seed 2");
    await comparison.isGone();
    await chat.branchesSay("2/3");
    assert.deepEqual(await chat.answers(), [texts[1]]);
    await other.page.bringToFront();
    await other.isGone();
    await other.chat.branchesSay("2/3");
    const { messages, leaf } = await chat.document();
    assert.deepEqual(messages.map((/** @type {any} */ { role, state }) => `${role} ${state}`), ["user done", "assistant done", "assistant done", "assistant done"]);
    assert.equal(leaf, messages[2].id);
  });

  it("are stopped one by one, and the rest by Escape", async () => {
    await compare(1, 2, 3);
    await chat.press("Stop Seed 2");
    await comparison.statesAre(["Writing", "Stopped", "Writing"]);
    await chat.page.focus("#composer-input");
    await chat.page.press("Escape");
    await comparison.statesAre(["Stopped", "Stopped", "Stopped"]);
    await chat.isIdle();
  });

  it("continue with the next question below the selected one", async () => {
    await compare(1, 2);
    server.hurry();
    await comparison.statesAre([ENDED, ENDED]);
    await chat.press("Seed 2");
    await comparison.selectedIs("Seed 2");
    await chat.ask("And then?");
    await comparison.isGone();
    await chat.questionsAre([STORY, "And then?"]);
    await chat.isIdle();
    await chat.isAnswered();
    const { messages } = await chat.document();
    assert.equal(messages.at(-2).parent, messages[2].id);
    await chat.branchesSay("2/2");
  });

  it("show the alternatives of their tokens, and one of these begins another version while they go on", async () => {
    const explore = new ExplorePage(chat.page);
    await compare(1, 2);
    await explore.openColumn("Seed 2");
    await explore.press("Home");
    await explore.isAt(0);
    await explore.press("ArrowRight");
    await explore.isAt(1);
    await explore.press("Enter");
    await explore.alternatives();
    await explore.press("Escape");
    await explore.isAt(1);
    await explore.press("Escape");
    await explore.isLeft();
    await comparison.statesAre(["Writing", "Writing"]);
    await explore.openColumn("Seed 2");
    await explore.press("Home");
    await explore.press("ArrowRight");
    await explore.isAt(1);
    await explore.press("Enter");
    const chosen = await explore.choose();
    await comparison.isGone();
    await chat.branchesSay("3/3");
    await chat.lastAnswerIsLongerThan(chosen.length);
    server.hurry();
    await chat.isIdle();
    await holds(async () => {
      const [question, ...answers] = (await chat.document()).messages;
      assert.deepEqual(answers.map((/** @type {any} */ { parent, state }) => [parent, state]), Array(3).fill([question.id, "done"]));
      assert.equal(new Set(answers.map((/** @type {any} */ { content }) => content)).size, 3);
    });
  });

  it("are tabs for the keyboard, of which one is in its order", async () => {
    await compare(1, 2, 3);
    await chat.page.focus('#comparison [role=tab][tabindex="0"]');
    for (const [key, label] of [["ArrowRight", "Seed 2"], ["End", "Seed 3"], ["ArrowRight", "Seed 1"], ["ArrowLeft", "Seed 3"], ["Home", "Seed 1"]]) {
      await chat.page.press(key ?? "");
      await comparison.selectedIs(label ?? "");
      await chat.hasFocus('#comparison [role=tab][aria-selected="true"][tabindex="0"]');
    }
    assert.equal(await chat.page.$$eval('#comparison [role=tab][tabindex="0"]', ({ length }) => length), 1);
  });

  it("are swiped where they have no room beside each other, which selects", async () => {
    await compare(1, 2, 3);
    await chat.page.setViewport({ width: 600, height: 780 });
    await chat.page.waitFor(() => innerWidth === 600);
    for (const label of ["Seed 3", "Seed 1", "Seed 3"]) {
      await chat.press(label);
      await comparison.tabsAreAbove();
      await chat.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300))); // what scrolling causes is due before
      await comparison.selectedIs(label);
    }
    await chat.press("Seed 1");
    await chat.page.setViewport({ width: 390, height: 780 });
    const left = () => chat.page.$eval(".comparison-track", (track) => Math.round(track.scrollLeft / track.clientWidth));
    assert.equal(await chat.overhang(), 0);
    await chat.page.$eval(".comparison-track", (track) => void track.scrollTo({ left: track.scrollWidth }));
    await comparison.selectedIs("Seed 3");
    await chat.press("Seed 1");
    await comparison.selectedIs("Seed 1");
    await chat.page.waitFor(() => (document.querySelector(".comparison-track")?.scrollLeft ?? 1) < 2);
    assert.equal(await left(), 0);
  });

  it("are set up for one question, and not for the next", async () => {
    server.hurry();
    await compare(1, 2);
    await comparison.statesAre([ENDED, ENDED]);
    assert.equal(await chat.page.$eval("#compare-setup", ({ hidden }) => hidden), true);
    await chat.press("Keep this one: Seed 1");
    await chat.answered("And then?");
    assert.equal((await chat.document()).messages.length, 5);
  });
});
