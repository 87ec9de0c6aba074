/**
 * Reads the text of a PDF with PDF.js, which is loaded with the first one. A PDF may be hostile: it is taken apart in a
 * worker of its own, which is ended when it is done, takes too long, or isn't wanted any more. It never reaches the server.
 */

import { PdfPage } from "./pdf-page.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("./pdf-page.js").TextItem} TextItem */
/** @typedef {{read: () => Promise<{done: boolean, value?: {items: (TextItem | {type: string})[]}}>}} TextReader */
/** @typedef {{streamTextContent: () => {getReader: () => TextReader}, cleanup: () => void}} Page */
/** @typedef {{numPages: number, getPage: (number: number) => Promise<Page>}} Document */
/**
 * What is used of PDF.js.
 * @typedef {object} PdfLibrary
 * @property {(options: object) => {promise: Promise<Document>}} getDocument
 * @property {new (options: {port: Worker, verbosity: number}) => object} PDFWorker which has a verbosity of its own
 */
/**
 * Where PDF.js comes from.
 * @typedef {object} PdfSource
 * @property {() => Promise<PdfLibrary>} load
 * @property {() => Worker | null} startWorker null: PDF.js works in this thread, as in a test
 * @property {string} characterMaps address of the folder with the maps of Chinese, Japanese and Korean fonts
 */
/** @typedef {{library: PdfSource, clock: Pick<Clock, "setTimeout" | "clearTimeout">}} PdfParts */
/** @typedef {{text: string} | {problem: string}} PdfRead problem: follows the file's name */

/** Largest PDF, in bytes: all of it is in memory, twice. */
export const MAX_PDF_BYTES = 100 * 1024 * 1024;
export const MAX_PAGES = 5000;
/** For how long a PDF may bring nothing new before it is given up, in milliseconds. */
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
   * @param {number} room UTF-16 units that the text may have; a longer one is cut somewhere beyond
   * @param {AbortSignal} signal
   * @returns {Promise<PdfRead>}
   */
  async read(bytes, room, signal) {
    let library;
    try {
      library = await (this.#library ??= this.#parts.library.load());
    } catch {
      this.#library = null; // it may come with the next one: the connection was lost
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

/** One PDF that is being read. Gives up each step that takes too long, and the rest when the worker dies. */
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
      worker?.addEventListener("error", () => reject(new Error("The worker has died.")));
      signal.addEventListener("abort", () => reject(new Error("The file isn't wanted any more.")));
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
