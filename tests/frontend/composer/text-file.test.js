import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { takeFile } from "../../../frontend/composer/text-file.js";
import { bytes, file } from "./files.js";

const ROOM = 10_000;
const { signal } = new AbortController();

/** @param {import("../../../frontend/composer/pdf-reader.js").PdfRead} found in every PDF */
function pdfs(found) {
  return { read: async () => found };
}

/** @param {import("../../../frontend/composer/text-file.js").Source} source @param {number} [room] */
async function take(source, room = ROOM) {
  return await takeFile(source, room, pdfs({ text: "found" }), signal);
}

/** @param {import("../../../frontend/composer/text-file.js").Source} source */
async function problem(source, room = ROOM) {
  const taken = await take(source, room);
  return "problem" in taken ? taken.problem : taken;
}

describe("takeFile", () => {
  it("reads text with all line ends", async () => {
    assert.deepEqual(await take(file("x", "\ufeffa\r\nb\rc")), { text: "a\nb\nc" });
  });

  it("says when it had to guess the encoding", async () => {
    assert.deepEqual(await take(file("x.txt", bytes("caf\xe9 5"))), {
      text: "café 5",
      remark: "x.txt was read as Western (Windows-1252). Check its accents.",
    });
    assert.equal(await problem(file("x.txt", bytes("\x93\xfa\x96\x7b\x8c\xea"))), "x.txt has an unknown text encoding. Save it as UTF-8.");
  });

  /** @type {[name: string, content: string, words: string][]} */
  const kinds = [
    ["photo.png", "\x89PNG\r\n\x1a\n", "is an image; this model reads text only."],
    ["photo", "\xff\xd8\xff\xe0\0\x10JFIF", "is an image; this model reads text only."],
    ["photo.heic", "\0\0\0\x18ftypheic", "is an image; this model reads text only."],
    ["photo", "RIFF\x01\0\0\0WEBPVP8 ", "is an image; this model reads text only."],
    ["song.mp3", "ID3\x04\0\0", "is a sound file; this model reads text only."],
    ["song", "RIFF\x01\0\0\0WAVEfmt ", "is a sound file; this model reads text only."],
    ["clip.mp4", "\0\0\0\x18ftypisom", "is a video; this model reads text only."],
    ["clip", "\0\0\0\x18ftypisom", "is a video; this model reads text only."],
    ["archive.zip", "PK\x03\x04\x14\0", "isn't a text file. Unpack it first."],
    ["archive", "\x1f\x8b\x08\0", "isn't a text file. Unpack it first."],
    ["report.docx", "PK\x03\x04\x14\0", "isn't a text file. Save it as PDF or plain text."],
    ["report", "{\\rtf1\\ansi text}", "isn't a text file. Save it as PDF or plain text."],
    ["table.xlsx", "PK\x03\x04\x14\0", "isn't a text file. Save it as CSV."],
    ["x.bin", "a\0b", "isn't a text file."],
    ["a.out", "\x7fELF\x02\x01\x01\0", "isn't a text file."],
  ];
  for (const [name, content, words] of kinds) {
    it(`says what ${name} (${JSON.stringify(content.slice(0, 8))}) is`, async () => {
      assert.equal(await problem(file(name, bytes(content))), `${name} ${words}`);
    });
  }

  it("goes by the content where text has the name of something else", async () => {
    for (const name of ["drawing.svg", "main.ts", "notes.doc", "photo.png"]) {
      assert.deepEqual(await take(file(name, "text\n")), { text: "text\n" });
    }
  });

  it("goes by the browser's word where name and content say nothing", async () => {
    assert.equal(await problem(file("photo", [0, 1, 2], "image/x-new")), "photo is an image; this model reads text only.");
  });

  it("says how big a file is, and what is left", async () => {
    assert.equal(await problem(file("huge.txt", "a".repeat(2_000_000)), 896_000), "huge.txt is too big (1.9 MiB; 875 KiB left)");
    assert.equal(await problem(file("x", "a"), 0), "x is too big (1 byte; 0 bytes left)");
    assert.equal(await problem(file("x", "\n".repeat(1500)), 2048), "x is empty.");
    assert.equal(await problem(file("x", `a${"\n".repeat(1500)}b`), 2048), "x is too big (2.9 KiB; 2 KiB left)");
  });

  it("takes the text of a PDF, however big the rest of it is", async () => {
    assert.deepEqual(await take(file("paper.pdf", `%PDF-1.7\n${" ".repeat(20_000)}`)), { text: "found" });
  });

  it("says why the text of a PDF is not taken", async () => {
    const paper = file("paper.pdf", "%PDF-1.7\n");
    const found = async (/** @type {import("../../../frontend/composer/pdf-reader.js").PdfRead} */ each) => await takeFile(paper, ROOM, pdfs(each), signal);
    assert.deepEqual(await found({ problem: "has no text. It may be a scan." }), { problem: "paper.pdf has no text. It may be a scan." });
    assert.deepEqual(await found({ text: "a".repeat(20_000) }), { problem: "paper.pdf has too much text (9.7 KiB left)" });
    const huge = { ...paper, name: "paper.pdf", size: 200 * 1024 * 1024, arrayBuffer: () => paper.arrayBuffer(), slice: () => paper };
    assert.deepEqual(await take(huge), { problem: "paper.pdf is too big (200 MiB; a PDF can have 100 MiB)" });
  });

  it("says what a file is before how big it is", async () => {
    const big = new Uint8Array(20_000);
    assert.equal(await problem(file("photo.jpg", big)), "photo.jpg is an image; this model reads text only.");
    assert.equal(await problem(file("x.txt", `${"a".repeat(4095)}é${"a".repeat(9000)}`)), "x.txt is too big (12 KiB; 9.7 KiB left)");
  });

  it("refuses what is empty or can't be read", async () => {
    assert.equal(await problem(file("x", "")), "x is empty.");
    assert.equal(await problem(file("x", " \n\t\n")), "x is empty.");
    const fail = () => Promise.reject(new Error("NotReadableError"));
    const folder = { name: "photos", size: 4096, arrayBuffer: fail, slice: () => ({ arrayBuffer: fail }) };
    assert.equal(await problem(folder), "photos couldn't be read. If it's a folder, attach the files in it.");
  });
});
