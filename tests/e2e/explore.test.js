import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { ExplorePage } from "./explore-page.js";
import { holds } from "./holds.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./server.js").Server} Server */

const QUESTION = "How does streaming work?";
const STORY = "Write a long story in ten chapters";

describe("The tokens of an answer", () => {
  const setUp = useChat({ server: { stepMs: 50 } });
  /** @type {Server} */
  let server;
  /** @type {ChatPage} */
  let chat;
  /** @type {ExplorePage} */
  let explore;

  beforeEach(() => {
    ({ server, chat } = setUp);
    explore = new ExplorePage(chat.page);
    server.hurry();
  });

  afterEach(async () => {
    await server.forgetConversations();
  });

  it("are walked with the arrow keys, and nothing moves", async () => {
    await chat.answered(QUESTION);
    const before = await explore.frame();
    await explore.open(chat);
    assert.deepEqual(await explore.frame(), before);
    assert.ok(await chat.page.$eval("#to-end", (button) => /** @type {HTMLElement} */ (button).hidden), "all of it is in view");
    await explore.press("Home");
    const pieces = await explore.pieces(chat);
    for (const index of [0, 1, 2, 3]) {
      await explore.isAt(index);
      await explore.press("ArrowRight");
    }
    await explore.press("ArrowLeft");
    await explore.isAt(3);
    await explore.press("End");
    await explore.says("End of the answer");
    await explore.press("ArrowLeft");
    await explore.isAt(pieces.length - 1);
    await explore.press("Escape");
    await explore.isLeft();
    assert.deepEqual([await explore.frame(), await explore.focused()], [before, "answer"]);
    assert.deepEqual(chat.complaints, []);
  });

  it("show their alternatives, and one of these begins another version of the answer", async () => {
    await chat.answered(QUESTION);
    const answer = await chat.lastAnswer();
    await explore.open(chat);
    await explore.press("Home");
    for (let step = 0; step < 3; step += 1) await explore.press("ArrowRight");
    await explore.isAt(3);
    const pieces = await explore.pieces(chat);
    await explore.press("Enter");
    const alternatives = await explore.alternatives();
    assert.ok(alternatives.length >= 10);
    const own = alternatives.filter(({ isOwn }) => isOwn);
    assert.deepEqual(own.map(({ name }) => name), [pieces[3]?.trim()]);
    await explore.press("Escape");
    await explore.isAt(3);
    await explore.press("Enter");
    const chosen = await explore.choose();
    await chat.branchesSay("2/2");
    await chat.isAnswered();
    await holds(async () => {
      const { messages } = await chat.document();
      const [question, first, second] = messages;
      assert.deepEqual([messages.length, first.parent, second.parent, second.state], [3, question.id, question.id, "done"]);
      assert.equal(first.content, pieces.join(""));
      assert.ok(second.content.startsWith(pieces.slice(0, 3).join("") + chosen), second.content);
    });
    await chat.pressLast("Previous version");
    await chat.branchesSay("1/2");
    assert.equal(await chat.lastAnswer(), answer);
  });

  it("are also there while it is written; the first version goes on beside the new one", async () => {
    server.takeTime();
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(20);
    await explore.open(chat);
    await explore.press("Home");
    await explore.press("ArrowRight");
    await explore.press("Enter");
    await explore.choose();
    await chat.branchesSay("2/2");
    await chat.lastAnswerIsLongerThan(0);
    server.hurry();
    await chat.isAnswered();
    await holds(async () => {
      const { messages } = await chat.document();
      const [, first, second] = messages;
      assert.deepEqual([messages.length, first.state, second.state], [3, "done", "done"]);
      assert.ok(first.content.length > 20);
      assert.notEqual(first.content, second.content);
    });
  });

  it("have their alternatives after a reload too", async () => {
    await chat.answered(QUESTION);
    await chat.reload();
    await chat.isAnswered();
    await explore.open(chat);
    await explore.press("Enter");
    assert.ok((await explore.alternatives()).length >= 10);
  });
});
