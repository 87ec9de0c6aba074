import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { fencedBlock, takeFile } from "../../../frontend/composer/text-file.js";

const ROOM = 10_000;

/**
 * @param {string} name
 * @param {string | number[]} content
 */
function file(name, content) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : Uint8Array.from(content);
  return { name, size: bytes.length, arrayBuffer: async () => /** @type {ArrayBuffer} */ (bytes.buffer) };
}

describe("takeFile", () => {
  it("makes a fenced block under the file's name", async () => {
    assert.deepEqual(await takeFile(file("a b.py", "print(1)"), ROOM), { name: "a b.py", block: "a b.py\n```py\nprint(1)\n```\n" });
  });

  it("reads UTF-8 and UTF-16, with and without a mark, and all line ends", async () => {
    const utf16 = [0xff, 0xfe, 0xe9, 0x00, 0x0d, 0x00, 0x0a, 0x00];
    assert.deepEqual(await takeFile(file("x", utf16), ROOM), { name: "x", block: "x\n```\né\n```\n" });
    assert.deepEqual(await takeFile(file("x", "\ufeffa\r\nb\rc"), ROOM), { name: "x", block: "x\n```\na\nb\nc\n```\n" });
  });

  for (const [what, content] of /** @type {[string, number[]][]} */ ([
    ["a picture", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
    ["zero bytes", [0x61, 0x00, 0x62]],
    ["broken UTF-8", [0x61, 0xff, 0x62]],
  ])) {
    it(`refuses ${what}`, async () => {
      const problem = "x.bin is no text file, so the model could not read it. Save it as plain text (UTF-8).";
      assert.deepEqual(await takeFile(file("x.bin", content), ROOM), { problem });
    });
  }

  it("refuses what is empty, too large, or cannot be read", async () => {
    assert.deepEqual(await takeFile(file("x", ""), ROOM), { problem: "x is empty." });
    assert.deepEqual(await takeFile(file("x", "a".repeat(4096)), 2048), {
      problem: "x has 4 KiB, and the message has room for 2 KiB more. Take a part of the file.",
    });
    assert.deepEqual(await takeFile(file("x", "a"), 0), { problem: "x has 1 byte, and the message is full. Take a part of the file." });
    const folder = { name: "photos", size: 4096, arrayBuffer: () => Promise.reject(new Error("NotReadableError")) };
    assert.deepEqual(await takeFile(folder, ROOM), { problem: "photos could not be read. If it is a folder, drop the files in it." });
  });

  it("keeps a name on one line", async () => {
    const taken = await takeFile(file("a\n```b.txt", "x"), ROOM);
    assert.deepEqual(taken, { name: "a '''b.txt", block: "a '''b.txt\n```txt\nx\n```\n" });
  });
});

describe("fencedBlock", () => {
  it("has a longer fence than any within", () => {
    assert.equal(fencedBlock("x.md", "````\na\n````\n"), "x.md\n`````md\n````\na\n````\n`````\n");
  });
});
