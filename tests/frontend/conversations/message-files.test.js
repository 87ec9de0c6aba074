import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { countLines, fileBlock, joinMessage, messageFile, splitMessage } from "../../../frontend/conversations/message-files.js";

const ONE = { name: "one.py", text: "print(1)\n" };
const BLOCK = '```py file="one.py"\nprint(1)\n```';

describe("joinMessage", () => {
  it("puts each file into a block of its own below the words", () => {
    const other = { name: "read me", text: "Hi\n" };
    assert.equal(joinMessage("Why?", [ONE, other]), `Why?\n\n${BLOCK}\n\n\`\`\`text file="read me"\nHi\n\`\`\``);
    assert.equal(joinMessage("", [ONE]), BLOCK);
    assert.equal(joinMessage("Why?", []), "Why?");
  });

  it("has a longer fence than any in the file", () => {
    assert.equal(fileBlock({ name: "x.md", text: "````\na\n````\n" }), '`````md file="x.md"\n````\na\n````\n`````');
    assert.equal(fileBlock({ name: "x.md", text: "a ```` b\n" }), '`````md file="x.md"\na ```` b\n`````');
  });

  it("calls the text of a PDF text", () => {
    assert.match(fileBlock({ name: "Paper.PDF", text: "a\n" }), /^```text file="Paper.PDF"\n/);
  });
});

describe("splitMessage", () => {
  /** @type {[what: string, words: string, files: import("../../../frontend/conversations/message-files.js").MessageFile[]][]} */
  const messages = [
    ["words alone", "Why?", []],
    ["a file alone", "", [ONE]],
    ["words and a file", "Why?", [ONE]],
    ["two files", "Why?\n\nReally?", [ONE, { name: "b", text: "\n\n```\n\n" }]],
    ["a file that shows the form itself", "", [{ name: "a.md", text: `${BLOCK}\n` }]],
    ["a file of backticks", "", [{ name: "a", text: `${"`".repeat(5000)}\n` }]],
    ["words with code", "```\na\n```", [ONE]],
    ["words with an opening that nothing closes", '```py file="x.py"\nfoo', [ONE, ONE]],
    ["words that end in backticks", "a\n````", [ONE]],
  ];
  for (const [what, words, files] of messages) {
    it(`reads back ${what}`, () => {
      assert.deepEqual(splitMessage(joinMessage(words, files)), { words, files });
    });
  }

  for (const typed of [
    "```py\nprint(1)\n```",
    "one.py\n```py\nprint(1)\n```",
    `${BLOCK}\nand more`,
    `${BLOCK}\n`,
    `Look:\n${BLOCK}`,
    '```py file="one.py"\nprint(1)\n````',
    '```py file=one.py\nprint(1)\n```',
    '``` file="one.py"\nprint(1)\n```',
    '```py file="one.py" \nprint(1)\n```',
    '```py file="one.py"```',
    '```js file="one.py"\nprint(1)\n```',
    '~~~py file="one.py"\nprint(1)\n~~~',
    ' ```py file="one.py"\nprint(1)\n```',
    `\`\`\`\`\n${BLOCK}\n\`\`\`\``,
    "```",
    "\n```",
    "",
  ]) {
    it(`leaves typed text alone: ${JSON.stringify(typed)}`, () => {
      assert.deepEqual(splitMessage(typed), { words: typed, files: [] });
    });
  }

  it("finds the same again in what was put together again, whatever was typed", () => {
    const pieces = ["`", "```", "````", "\n", "\n\n", "a", 'py file="x.py"', '```py file="x.py"\n', "```\n", BLOCK];
    let seed = 7;
    const random = (/** @type {number} */ below) => (seed = (seed * 48271) % 2147483647) % below;
    for (let count = 0; count < 20_000; count += 1) {
      const content = Array.from({ length: random(9) }, () => pieces[random(pieces.length)]).join("");
      const parts = splitMessage(content);
      assert.deepEqual(splitMessage(joinMessage(parts.words, parts.files)), parts, JSON.stringify(content));
    }
  });
});

describe("messageFile", () => {
  it("has plain line ends, also at its end", () => {
    assert.deepEqual(messageFile("a", "a\r\nb\rc"), { name: "a", text: "a\nb\nc\n" });
    assert.deepEqual(messageFile("a", "a\n"), { name: "a", text: "a\n" });
  });

  for (const [name, shown] of [
    ["a\n```b.txt", "a '''b.txt"],
    ['say "hi".txt', "say 'hi'.txt"],
    ["photo\u202egnp.txt", "photo gnp.txt"],
    ["  ", "File"],
    [`${"a".repeat(200)}.txt`, `${"a".repeat(30)}…${"a".repeat(14)}.txt`],
    [`${"🙂".repeat(100)}.txt`, `${"🙂".repeat(30)}…${"🙂".repeat(14)}.txt`],
    ["\ud800.txt", "\ufffd.txt"],
  ]) {
    it(`keeps the name ${JSON.stringify(name)} on one line, and legible`, () => {
      const file = messageFile(/** @type {string} */ (name), "x");
      assert.equal(file.name, shown);
      assert.deepEqual(splitMessage(joinMessage("", [file])).files, [file]);
    });
  }
});

describe("countLines", () => {
  for (const [content, lines] of /** @type {[string, number][]} */ ([
    ["", 0],
    ["a", 1],
    ["a\n", 1],
    ["\n", 1],
    ["a\nb", 2],
    ["a\n\n", 2],
    ["a\n".repeat(5000), 5000],
    [`${"a\n".repeat(4999)}a`, 5000],
  ])) {
    it(`counts ${lines} in ${JSON.stringify(content.slice(0, 10))}`, () => {
      assert.equal(countLines(content), lines);
    });
  }
});
