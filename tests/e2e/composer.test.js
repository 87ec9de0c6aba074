import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ComposerPage } from "./composer-page.js";
import { holds } from "./holds.js";
import { PanelsPage } from "./panels-page.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

describe("The composer", () => {
  const setUp = useChat();
  /** @type {ChatPage} */
  let chat;
  /** @type {ComposerPage} */
  let composer;

  beforeEach(() => {
    ({ chat } = setUp);
    composer = new ComposerPage(chat.page);
  });

  it("keeps a draft over a reload, and none that was sent", async () => {
    await chat.write("And then?");
    await chat.reload();
    await composer.draftSays("And then?");
    await composer.send();
    await chat.isAnswered();
    await chat.reload();
    await holds(async () => assert.equal(await chat.draft(), ""));
  });

  it("lets the server read what is being written, unless that is switched off", async () => {
    const read = async () => {
      const metrics = await (await fetch(`${setUp.server.address}/metrics`)).text();
      return Number(/^streamui_draft_tokens_total (\S+)$/m.exec(metrics)?.[1]);
    };
    const before = await read();
    await chat.write("Tell me about the frogs that live in the pond");
    await holds(async () => assert.ok((await read()) > before, "nothing was read"));
    await composer.send();
    await chat.isAnswered();
    const panels = new PanelsPage(chat.page);
    await panels.open("appearance");
    await chat.page.click(() => document.querySelector("#draft-ahead"));
    assert.equal(await chat.page.evaluate(() => localStorage.getItem("streamui.draft-ahead.v1")), '{"on":false}');
    assert.deepEqual(chat.complaints, []);
  });

  it("folds a long question that was sent, and unfolds it at a press", async () => {
    await chat.fill(Array.from({ length: 40 }, (_, index) => `Line ${index}`).join("\n"));
    await composer.send();
    await chat.isAnswered();
    const height = async () => await chat.page.$eval(".prompt-text", ({ clientHeight }) => clientHeight);
    const folded = await height();
    await chat.press("Show more");
    await holds(async () => assert.ok((await height()) > 2 * folded, `${folded} and ${await height()} pixels`));
    await chat.press("Show less");
    await holds(async () => assert.equal(await height(), folded));
    assert.deepEqual(chat.complaints, []);
  });
});
