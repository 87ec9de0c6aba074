import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { MAX_PAGES, PATIENCE_MS, PdfReader } from "../../../frontend/composer/pdf-reader.js";
import { FakeClock } from "../fake-clock.js";
import { deflated, pagesPdf, pdf, stream, textPdf } from "./pdfs.js";
import { bytes } from "./files.js";

/** @typedef {import("../../../frontend/composer/pdf-reader.js").PdfLibrary} PdfLibrary */

const ROOM = 100_000;
const CHARACTER_MAPS = fileURLToPath(new URL("../../../node_modules/pdfjs-dist/cmaps/", import.meta.url));

/** @returns {Promise<any>} PDF.js; a variable, so that its types, which are those of a browser, stay away */
async function load() {
  const name = "pdfjs-dist/legacy/build/pdf.mjs";
  return await import(name);
}

/** What PDF.js asks a browser for while it is loaded. Only pictures need it. */
const DRAWING = { DOMMatrix: class {}, ImageData: class {}, Path2D: class {} };

describe("PdfReader", () => {
  /** @type {PdfReader} */
  let reader;

  before(() => {
    Object.assign(globalThis, DRAWING);
    const clock = { setTimeout: () => 0, clearTimeout: () => {} };
    reader = new PdfReader({ library: { load, startWorker: () => null, characterMaps: CHARACTER_MAPS }, clock });
  });

  after(() => {
    for (const name of Object.keys(DRAWING)) Reflect.deleteProperty(globalThis, name);
  });

  /** @param {Uint8Array} content @param {number} [room] */
  async function read(content, room = ROOM) {
    return await reader.read(content, room, new AbortController().signal);
  }

  it("reads lines, paragraphs and pages", async () => {
    const lines = ["A heading", "", "The first (of two) lines", "and the second", "", "", "Far below"];
    assert.deepEqual(await read(textPdf([lines, ["Page two"]])), {
      text: "A heading\n\nThe first (of two) lines\nand the second\n\nFar below\n\nPage two",
    });
  });

  it("reads Japanese, whose font names only its map of characters", async () => {
    const font = "<</Type/Font/Subtype/Type0/BaseFont/Mincho/Encoding/UniJIS-UTF16-H/DescendantFonts" +
      "[<</Type/Font/Subtype/CIDFontType0/BaseFont/Mincho/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 6>>/FontDescriptor" +
      "<</Type/FontDescriptor/FontName/Mincho/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>]>>";
    assert.deepEqual(await read(pagesPdf([stream("BT /F 12 Tf 72 720 Td <65e5672c8a9e> Tj ET")], font)), { text: "日本語" });
  });

  it("goes on without what is broken in a PDF", async () => {
    const good = Buffer.from(textPdf([["Still here"]])).toString("latin1");
    assert.deepEqual(await read(bytes(good.replace(/startxref\n\d+/, "startxref\n7"))), { text: "Still here" });
  });

  const empty = "<</Type/Pages/Count 0/Kids[]>>";
  /** @type {[what: string, content: () => Uint8Array, problem: string | RegExp][]} */
  const bad = [
    ["has no text", () => pagesPdf([stream("0 0 100 100 re f")]), "has no text. It may be a scan."],
    ["has no pages", () => pdf(["<</Type/Catalog/Pages 2 0 R>>", empty]), /no text|damaged/],
    ["is cut off", () => textPdf([["text"]]).subarray(0, 40), "is damaged and couldn't be read."],
    ["is only called so", () => bytes("%PDF-1.7\njust text"), "is damaged and couldn't be read."],
    ["is protected", () => pagesPdf([stream("")], undefined,
      `/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<${"41".repeat(32)}>/U<${"42".repeat(32)}>>>`),
    "is protected by a password. Save a copy without one."],
    ["is protected in an unknown way", () => pagesPdf([stream("")], undefined, "/ID[<00><00>]/Encrypt<</Filter/Other/V 9>>"), "is damaged and couldn't be read."],
    ["claims to have very many pages", () => pdf(["<</Type/Catalog/Pages 2 0 R>>", `<</Type/Pages/Count ${MAX_PAGES + 1}/Kids[2 0 R]>>`]), /too many pages|damaged/],
    ["is nested deeply", () => pdf(["<</Type/Catalog/Pages 2 0 R>>", "[".repeat(200_000)]), /damaged|no text/],
    ["has pages inside of themselves", () => pdf(["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[2 0 R]>>"]), /damaged|no text/],
  ];
  for (const [what, content, problem] of bad) {
    it(`says that a PDF ${what}`, async () => {
      const found = await read(content());
      assert.ok("problem" in found, JSON.stringify(found));
      if (problem instanceof RegExp) assert.match(found.problem, problem);
      else assert.equal(found.problem, problem);
    });
  }

  it("stops where a text is longer than a message can be", async () => {
    const line = "(All work and no play makes Jack a dull boy. ) Tj T* ";
    const found = await read(pagesPdf([deflated(`BT /F 12 Tf 14 TL 72 720 Td ${line.repeat(20_000)} ET`)]), 1000);
    assert.ok("text" in found && found.text.length > 1000 && found.text.length < 50_000, JSON.stringify(found).slice(0, 200));
  });
});

describe("PdfReader, with a worker that brings nothing", () => {
  const never = new Promise(() => {});
  /** @type {FakeClock} */
  let clock;
  let [ended, loads] = [0, 0];

  /** @param {Promise<any>} document */
  function readerOf(document) {
    [clock, ended, loads] = [new FakeClock(), 0, 0];
    const library = /** @type {PdfLibrary} */ (/** @type {unknown} */ ({ getDocument: () => ({ promise: document }), PDFWorker: class {} }));
    const worker = /** @type {Worker} */ (/** @type {unknown} */ (Object.assign(new EventTarget(), { terminate: () => (ended += 1) })));
    const load = async () => {
      loads += 1;
      if (loads === 1 && document === never) throw new Error("offline");
      return library;
    };
    return { reader: new PdfReader({ library: { load, startWorker: () => worker, characterMaps: "" }, clock }), worker };
  }

  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it("says that there is no reader, and looks for it again with the next PDF", async () => {
    const { reader } = readerOf(never);
    const { signal } = new AbortController();
    assert.deepEqual(await reader.read(bytes(""), ROOM, signal), { problem: "couldn't be read: this server has no PDF reader. Save it as plain text." });
    void reader.read(bytes(""), ROOM, signal);
    await settle();
    assert.equal(loads, 2);
  });

  for (const [what, act, problem] of /** @type {[string, (parts: {worker: Worker, controller: AbortController}) => void, string][]} */ ([
    ["time is up", () => clock.advance(PATIENCE_MS), "takes too long to read. Save it as plain text."],
    ["the worker dies", ({ worker }) => worker.dispatchEvent(new Event("error")), "is damaged and couldn't be read."],
    ["the file is removed", ({ controller }) => controller.abort(), "is damaged and couldn't be read."],
  ])) {
    for (const [when, document] of /** @type {[string, Promise<any>][]} */ ([
      ["at first", new Promise(() => {})],
      ["later", Promise.resolve({ numPages: 1, getPage: () => never })],
    ])) {
      it(`gives up when ${what} ${when}, and ends the worker`, async () => {
        const { reader, worker } = readerOf(document);
        const controller = new AbortController();
        const reading = reader.read(bytes(""), ROOM, controller.signal);
        await settle();
        act({ worker, controller });
        assert.deepEqual(await reading, { problem });
        assert.equal(ended, 1);
      });
    }
  }
});
