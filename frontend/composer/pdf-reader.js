/**
 * Reader of a PDF's text with PDF.js, which is loaded for the first PDF. A PDF may be hostile: a worker of its own
 * parses it, and is ended when it is done, takes too long, or isn't needed any more. The PDF never reaches the server.
 */

import { PdfPage } from "./pdf-page.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("./pdf-page.js").TextItem} TextItem */
/** @typedef {{read: () => Promise<{done: boolean, value?: {items: (TextItem | {type: string})[]}}>}} TextReader */
/** @typedef {{streamTextContent: () => {getReader: () => TextReader}, cleanup: () => void}} Page */
/** @typedef {{numPages: number, getPage: (number: number) => Promise<Page>}} Document */
/**
 * Parts of PDF.js that are used.
 * @typedef {object} PdfLibrary
 * @property {(options: object) => {promise: Promise<Document>}} getDocument
 * @property {new (options: {port: Worker, verbosity: number}) => object} PDFWorker PDFWorker has its own verbosity
 */
/**
 * Source of PDF.js.
 * @typedef {object} PdfSource
 * @property {() => Promise<PdfLibrary>} load
 * @property {() => Worker | null} startWorker null: PDF.js runs in this thread, as in a test
 * @property {string} characterMaps address of the folder with the character maps of Chinese, Japanese and Korean fonts
 */
/** @typedef {{library: PdfSource, clock: Pick<Clock, "setTimeout" | "clearTimeout">}} PdfParts */
/** @typedef {{text: string} | {problem: string}} PdfRead problem: words that follow the file's name */

/** Largest PDF that is read, in bytes: it is in memory twice. */
export const MAX_PDF_BYTES = 100 * 1024 * 1024;
export const MAX_PAGES = 5000;
/** Time limit for each step of reading a PDF, in milliseconds. */
export const PATIENCE_MS = 20_000;

const PROBLEMS = {
  missing: "couldn't be read: this server has no PDF reader. Save it as plain text.",
  locked: "is protected by a password. Save a copy without one.",
  broken: "is damaged and couldn't be read.",
  slow: "takes too long to read. Save it as plain text.",
  empty: "has no text. It may be a scan.",
  pages: `has too many pages. At most ${MAX_PAGES.toLocaleString("en")} can be read.`,
};

class SlowError extends Error {}

export class PdfReader {
  #parts;
  /** @type {Promise<PdfLibrary> | null} */
  #library = null;

  /** @param {PdfParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} room room for the text, in UTF-16 units; reading stops soon after a longer text exceeds it
   * @param {AbortSignal} signal
   * @returns {Promise<PdfRead>}
   */
  async read(bytes, room, signal) {
    let library;
    try {
      library = await (this.#library ??= this.#parts.library.load());
    } catch {
      this.#library = null; // Loaded again for the next PDF: the network failed.
      return { problem: PROBLEMS.missing };
    }
    return await this.#readWith(library, bytes, room, signal);
  }

  /**
   * @param {PdfLibrary} library
   * @param {Uint8Array} bytes
   * @param {number} room
   * @param {AbortSignal} signal
   * @returns {Promise<PdfRead>}
   */
  async #readWith(library, bytes, room, signal) {
    const worker = this.#parts.library.startWorker();
    const attempt = new Attempt(this.#parts.clock, worker, signal);
    try {
      const options = worker ? { ...this.#options(bytes), worker: new library.PDFWorker({ port: worker, verbosity: 0 }) } : this.#options(bytes);
      const document = await attempt.wait(library.getDocument(options).promise);
      if (document.numPages > MAX_PAGES) return { problem: PROBLEMS.pages };
      const text = await textOf(document, room, attempt);
      return text === "" ? { problem: PROBLEMS.empty } : { text };
    } catch (error) {
      return { problem: describeError(error) };
    } finally {
      worker?.terminate();
    }
  }

  /** @param {Uint8Array} data */
  #options(data) {
    return {
      data,
      verbosity: 0,
      isEvalSupported: false,
      disableFontFace: true,
      enableXfa: false,
      cMapUrl: this.#parts.library.characterMaps,
      cMapPacked: true,
    };
  }
}

/** One PDF that is being read. It fails if a step takes too long or the worker fails. */
class Attempt {
  #clock;
  #end;

  /**
   * @param {PdfParts["clock"]} clock
   * @param {Worker | null} worker
   * @param {AbortSignal} signal
   */
  constructor(clock, worker, signal) {
    this.#clock = clock;
    this.#end = new Promise((_, reject) => {
      worker?.addEventListener("error", () => reject(new Error("The PDF worker failed.")));
      signal.addEventListener("abort", () => reject(new Error("The file is not needed any more.")));
    });
    this.#end.catch(() => {});
  }

  /**
   * @template T
   * @param {Promise<T>} step
   * @returns {Promise<T>}
   */
  async wait(step) {
    /** @type {unknown} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = this.#clock.setTimeout(() => reject(new SlowError()), PATIENCE_MS);
    });
    try {
      return /** @type {T} */ (await Promise.race([step, late, this.#end]));
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }
}

/**
 * @param {Document} document
 * @param {number} room
 * @param {Attempt} attempt
 */
async function textOf(document, room, attempt) {
  const pages = [];
  let length = 0;
  for (let number = 1; number <= document.numPages && length <= room; number += 1) {
    const page = await attempt.wait(document.getPage(number));
    const read = new PdfPage();
    const reader = page.streamTextContent().getReader();
    for (let piece = await attempt.wait(reader.read()); !piece.done; piece = await attempt.wait(reader.read())) {
      read.add(piece.value?.items ?? []);
      if (length + read.length > room) break;
    }
    page.cleanup();
    length += read.length;
    pages.push(read.finish());
  }
  return pages.filter((text) => text !== "").join("\n\n");
}

/** @param {unknown} error */
function describeError(error) {
  if (error instanceof SlowError) return PROBLEMS.slow;
  return error instanceof Error && error.name === "PasswordException" ? PROBLEMS.locked : PROBLEMS.broken;
}
