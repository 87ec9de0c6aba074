import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { pagesPdf, stream, textPdf } from "../frontend/composer/pdfs.js";
import { ComposerPage } from "./composer-page.js";
import { holds } from "./holds.js";
import { useChat } from "./use-chat.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

const ONE = { name: "one.py", content: "print(1)\n" };
const BLOCK = '```py file="one.py"\nprint(1)\n```';

describe("Files and long pastes", () => {
  const setUp = useChat();
  /** @type {ChatPage} */
  let chat;
  /** @type {ComposerPage} */
  let composer;

  beforeEach(() => {
    ({ chat } = setUp);
    composer = new ComposerPage(chat.page);
  });

  it("become chips at the composer, and what is not taken is named", async () => {
    await chat.write("Look:");
    await composer.drop([ONE, { name: "photo.png", content: "\u0089PNG\u0000" }, { name: "archive.zip", content: "PK\u0003\u0004\u0000" }]);
    await composer.says("photo.png is an image; this model reads text only. archive.zip isn't a text file.");
    await holds(async () => assert.deepEqual(await composer.chips(), ["one.py 9 bytes · 1 line"]));
    await holds(async () => assert.equal(await chat.draft(), "Look:"));
    await chat.write(" why?");
    await holds(async () => assert.equal(await composer.notice(), ""));
    await chat.press("Remove one.py");
    await composer.chipsAre(0);
    await chat.hasFocus("#composer-input");
    assert.deepEqual(chat.complaints, []);
  });

  it("are sent below the words, and are chips again after a reload and in the export", async () => {
    await composer.pasteFile(ONE);
    await composer.chipsAre(1);
    await chat.answered("Why?");
    await holds(async () => assert.deepEqual(await composer.chips(), []));
    for (const reload of [false, true]) {
      if (reload) await chat.reload();
      await chat.questionsAre(["Why?"]);
      await holds(async () => assert.deepEqual(await composer.sentFiles(), ["one.py"]));
    }
    const { messages, id } = await chat.document();
    assert.equal(messages[0].content, `Why?\n\n${BLOCK}`);
    const exported = await fetch(new URL(`/api/conversations/${id}/export?format=markdown`, await chat.page.url()));
    await holds(async () => assert.ok((await exported.text()).includes(`Why?\n\n${BLOCK}\n\n`)));
  });

  it("open in a viewer, which Escape closes; the focus returns", async () => {
    await composer.drop([ONE]);
    await composer.chipsAre(1);
    await composer.openFile("#composer-held", ONE.content);
    await chat.hasFocus(".viewer-text");
    await chat.page.press("Escape");
    await chat.hasFocus("#composer-held .file-open");
    await composer.send();
    await chat.isAnswered();
    await composer.openFile(".question-files", ONE.content);
    await chat.page.waitDuring(
      () => chat.page.click(() => document.querySelector(".viewer-copy")),
      () => document.querySelector(".viewer-copy")?.textContent !== "Copy",
    );
    await chat.press("Close");
    await chat.hasFocus(".question-files .file-open");
    await chat.page.waitFor(() => document.querySelector(".viewer-text")?.textContent === "");
    assert.deepEqual(chat.complaints, []);
  });

  it("stay with a message that is edited, until they are removed", async () => {
    await composer.drop([ONE, { name: "two.txt", content: "two" }]);
    await composer.chipsAre(2);
    await chat.answered("Why?");
    await chat.page.focus("#composer-input");
    await chat.page.press("ArrowUp");
    await chat.hasFocus(".editor-input");
    await holds(async () => assert.equal(await chat.page.$eval(".editor-input", (input) => /** @type {HTMLTextAreaElement} */ (input).value), "Why?"));
    await chat.press("Remove two.txt");
    await chat.hasFocus(".editor-input");
    await chat.page.press("Enter");
    await chat.branchesSay("2/2");
    await chat.isIdle();
    await chat.isAnswered();
    await holds(async () => assert.deepEqual(await composer.sentFiles(), ["one.py"]));
    const { messages } = await chat.document();
    assert.ok(messages.some((/** @type {any} */ { content }) => content === `Why?\n\n${BLOCK}`));
  });

  it("can be all of a message, which is called after them", async () => {
    await composer.drop([ONE]);
    await composer.chipsAre(1);
    await composer.send();
    await chat.isAnswered();
    await chat.listSays("one.py");
    await chat.questionsAre([""]);
    await holds(async () => assert.deepEqual(await composer.sentFiles(), ["one.py"]));
  });

  it("are kept over a reload until they are sent; 20,000 lines too", async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join("");
    await composer.pasteText(lines);
    await composer.chipsAre(1);
    await holds(async () => assert.equal(await chat.draft(), ""));
    await holds(async () => assert.match((await composer.chips()).join(), /Pasted text.*20,000 lines/));
    await chat.write("Which line is the last?");
    await chat.reload();
    await composer.chipsAre(1);
    await holds(async () => assert.equal(await chat.draft(), "Which line is the last?"));
    await composer.openFile("#composer-held", lines);
    await chat.page.press("Escape");
    await composer.send();
    await chat.lastStatusSays("too long");
    await holds(async () => assert.deepEqual(await composer.chips(), []));
    await holds(async () => assert.deepEqual(await composer.sentFiles(), ["Pasted text"]));
    await chat.questionsAre(["Which line is the last?"]);
    await chat.press("Edit message");
    await composer.chipsAre(1);
    await composer.draftSays("Which line is the last?");
  });

  it("may be PDFs, of which the text is taken", async () => {
    const content = (/** @type {Uint8Array} */ pdf) => Buffer.from(pdf).toString("latin1");
    await composer.drop([
      { name: "paper.pdf", content: content(textPdf([["A heading", "", "Some words"], ["Page two"]])) },
      { name: "scan.pdf", content: content(pagesPdf([stream("0 0 100 100 re f")])) },
      { name: "broken.pdf", content: "%PDF-1.7\njust text" },
    ]);
    await composer.says("scan.pdf has no text. It may be a scan. broken.pdf is damaged and couldn't be read.");
    await holds(async () => assert.deepEqual(await composer.chips(), ["paper.pdf 32 bytes · 5 lines"]));
    await composer.openFile("#composer-held", "A heading\n\nSome words\n\nPage two\n");
    assert.deepEqual(chat.complaints, []);
  });

  it("that are larger than a message can be are named", async () => {
    await composer.drop([{ name: "huge.log", content: "x".repeat(1_100_000) }]);
    await composer.says("huge.log is too big (1 MiB; 1,019 KiB left)");
    await holds(async () => assert.equal(await chat.draft(), ""));
  });

  it("count towards the size of the message", async () => {
    await composer.pasteText("x".repeat(900_000));
    await composer.says("878 KiB of 1,020 KiB used");
    await composer.pasteText("y".repeat(900_000));
    await composer.says("Too long to send: 1.7 MiB, the limit is 1,020 KiB. Shorten it, or remove a file.");
  });
});
