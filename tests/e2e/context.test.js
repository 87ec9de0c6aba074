import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ContextPage } from "./context-page.js";
import { holds } from "./holds.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./server.js").Server} Server */

const CONTEXT = 256;
/** Tokens of a prompt above which messages are left out. */
const ROOM = 192;

describe("A small context", () => {
  const setUp = useChat({ server: { context: CONTEXT, stepMs: 1 } });
  /** @type {Server} */
  let server;
  /** @type {ChatPage} */
  let chat;
  /** @type {ContextPage} */
  let context;

  beforeEach(() => {
    ({ server, chat } = setUp);
    server.hurry();
    context = new ContextPage(chat.page);
  });

  /** @returns {Promise<number>} tokens of the open chat, as the server counts them */
  async function counted() {
    const { id, leaf } = await chat.document();
    const response = await fetch(`${server.address}/api/conversations/${id}/context`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ parent: leaf }),
    });
    return (await response.json()).tokens;
  }

  it("is shown by a meter, from the first message on and after a reload", async () => {
    await context.isHidden();
    await chat.answered("What is a computer?");
    const tokens = await counted();
    await context.shows(tokens);
    const { max, text, tip, figures } = await context.meter();
    assert.deepEqual([max, text, figures], [CONTEXT, `${tokens} of ${CONTEXT} tokens`, `${tokens} / ${CONTEXT}`]);
    assert.match(tip, /^This chat uses/);
    await chat.reload();
    await context.shows(tokens);
    await chat.press("New chat");
    await context.isHidden();
    assert.deepEqual(chat.complaints, []);
  });

  /** Asks until the chat no longer fits. */
  async function fill() {
    for (let asked = 0; asked < 12; asked += 1) {
      await chat.answered("What is a computer?");
      if ((await counted()) > ROOM) break;
    }
    await context.asks(true);
  }

  /** @returns {Promise<string[]>} summaries that the open chat has */
  async function summaries() {
    const { messages } = await chat.document();
    return messages.flatMap((/** @type {any} */ { summary }) => summary ?? []);
  }

  it("lets the oldest messages be dropped, says which the model no longer sees, and asks once", async () => {
    await fill();
    await chat.press("Drop the oldest messages");
    await context.asks(false);
    await holds(async () => assert.equal((await chat.document()).settings.truncation, "auto"));
    await chat.answered("What is a computer?");
    await context.lineSays("The model no longer sees the messages above");
    const before = (await chat.answers()).length;
    await chat.reload();
    await context.lineSays("The model no longer sees the messages above");
    await holds(async () => assert.equal((await chat.answers()).length, before));
    await context.asks(false);
    assert.deepEqual(chat.complaints, []);
  });

  it("lets the earlier messages be summarized, also after a reload, and the summary be removed", async () => {
    await fill();
    const before = await chat.answers();
    await chat.press("Summarize them");
    await context.lineSays("The model sees a summary of the messages above");
    await holds(async () => assert.deepEqual(await chat.answers(), before));
    await holds(async () => assert.equal((await summaries()).length, 1));
    await chat.reload();
    await context.lineSays("The model sees a summary of the messages above");
    await chat.page.click(() => document.querySelector(".boundary summary"));
    await chat.press("Remove summary");
    await context.hasNoLine();
    await holds(async () => assert.deepEqual(await summaries(), []));
    assert.deepEqual(chat.complaints, []);
  });

  it("lets a new chat be started", async () => {
    await fill();
    await chat.press("Start a new chat");
    await context.isHidden();
    await context.asks(false);
    await holds(async () => assert.deepEqual(await chat.answers(), []));
  });

  it("does not offer to continue an answer that fills it alone", async () => {
    server.takeTime();
    await chat.ask("Tell me a long story");
    await chat.lastStatusSays(`Context full (${CONTEXT} tokens)`);
    await context.asks(true);
    const { figures } = await context.meter();
    assert.match(figures, /^Context full/);
    const labels = await chat.page.$eval("#transcript", (list) => [...list.querySelectorAll("button")].map((button) => button.ariaLabel ?? button.textContent));
    assert.ok(!labels.includes("Continue"), labels.join());
  });

  it("is another one after a restart with more of it", async () => {
    await fill();
    try {
      await server.restart("SIGTERM", 4 * CONTEXT);
      await context.holds(4 * CONTEXT);
      await context.asks(false);
    } finally {
      await server.restart("SIGTERM", CONTEXT);
    }
  });
});
