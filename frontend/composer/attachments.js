/**
 * Files that come into the composer: dropped, pasted, or chosen with a button. Shows a reason for each file that is
 * refused.
 */

import { messageFile } from "../conversations/message-files.js";
import { ACCEPTED } from "./file-kinds.js";
import { isLong } from "./held-texts.js";
import { describeSize, roomFor } from "./message-size.js";
import { takeFile } from "./text-file.js";

/**
 * @typedef {object} AttachmentElements
 * @property {HTMLFormElement} form
 * @property {HTMLTextAreaElement} input
 * @property {HTMLButtonElement} button
 * @property {HTMLInputElement} chooser input for files
 * @property {import("./held-texts.js").HeldTexts} held
 * @property {import("./text-file.js").Pdfs} pdfs
 * @property {HTMLElement} notice area for messages, which are also announced
 */

/** Most files that can be attached at once. More are probably a mistake; only the first ones are attached. */
const MAX_FILES = 20;
/** Limit on a message until the server has reported its own, in bytes. */
const FRAME_BYTES = 1024 * 1024;

export class Attachments {
  #elements;
  #frameBytes = FRAME_BYTES;
  #observer = new AbortController();
  /** @type {string[]} errors of the files that were attached last */
  #problems = [];
  /** @type {string[]} remarks on the files that were attached last */
  #remarks = [];

  /** @param {AttachmentElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  start() {
    const { input, button, chooser } = this.#elements;
    const { signal } = this.#observer;
    document.addEventListener("dragover", (event) => this.#draggedOver(event), { signal });
    document.addEventListener("dragleave", (event) => this.#draggedOut(event), { signal });
    document.addEventListener("drop", (event) => this.#dropped(event), { signal });
    input.addEventListener("paste", (event) => this.#pasted(event), { signal });
    input.addEventListener("input", () => this.#changed(), { signal });
    chooser.accept = ACCEPTED;
    button.addEventListener("click", () => chooser.click(), { signal });
    chooser.addEventListener("change", () => this.#chosen(), { signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @param {number} frameBytes largest frame that the server accepts */
  showLimit(frameBytes) {
    this.#frameBytes = frameBytes;
    this.#say();
  }

  /** @param {DragEvent} event */
  #draggedOver(event) {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    this.#elements.form.dataset["dragging"] = "true";
  }

  /**
   * Hide the drop area when the pointer has left the window: then the event has no related target.
   * @param {DragEvent} event
   */
  #draggedOut(event) {
    if (event.relatedTarget === null) delete this.#elements.form.dataset["dragging"];
  }

  /** @param {DragEvent} event */
  #dropped(event) {
    delete this.#elements.form.dataset["dragging"];
    if (!event.dataTransfer || !hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    const { files, folders } = parted(event.dataTransfer);
    void this.take(files, folders.map((name) => `${name} is a folder. Attach the files in it.`));
  }

  /**
   * Attach pasted files. A spreadsheet or a text processor pastes text and a picture of it: then only the text is used.
   * @param {ClipboardEvent} event
   */
  #pasted(event) {
    const data = event.clipboardData;
    const text = data?.getData("text/plain") ?? "";
    if (isLong(text)) {
      event.preventDefault();
      this.#elements.held.addPasted(text);
    } else if (text === "" && data && data.files.length > 0) {
      event.preventDefault();
      void this.take([...data.files]);
    }
  }

  #chosen() {
    const { chooser } = this.#elements;
    void this.take([...(chooser.files ?? [])]);
    chooser.value = "";
  }

  /**
   * Add files to the message, one after the other.
   * @param {File[]} files
   * @param {string[]} [problems] errors that are known already
   */
  async take(files, problems = []) {
    const { held, input } = this.#elements;
    const all = [...problems];
    if (files.length > MAX_FILES) all.push(`Only the first ${MAX_FILES} of ${files.length} files were attached.`);
    /** @type {string[]} */
    const remarks = [];
    const places = files.slice(0, MAX_FILES).map((file) => /** @type {const} */ ([file, held.reserve(messageFile(file.name, "").name)]));
    for (const [file, place] of places) {
      const taken = await this.#read(file, place);
      if (taken && "problem" in taken) all.push(taken.problem);
      else if (taken?.remark) remarks.push(taken.remark);
    }
    this.#problems = all;
    this.#remarks = remarks;
    this.#say();
    input.focus();
  }

  /**
   * @param {File} file
   * @param {import("./held-texts.js").Place} place
   * @returns {Promise<import("./text-file.js").Taken | null>} null if the user has removed the file meanwhile
   */
  async #read(file, place) {
    const { input, held, pdfs } = this.#elements;
    if (place.signal.aborted) return null;
    const taken = await takeFile(file, roomFor(input.value, this.#frameBytes, held.bytes), pdfs, place.signal);
    if (place.signal.aborted) return null;
    if ("problem" in taken) place.drop();
    else place.fill(taken.text);
    return taken;
  }

  /** Clear the messages about the last files when the user edits the message. */
  #changed() {
    this.#problems = [];
    this.#remarks = [];
    this.#say();
  }

  #say() {
    const { form, input, held, notice } = this.#elements;
    const { words, isTooLong } = describeSize(input.value, this.#frameBytes, held.bytes);
    const sentences = [...this.#problems, ...this.#remarks, words].filter((sentence) => sentence !== "").join(" ");
    if (notice.textContent !== sentences) notice.textContent = sentences;
    notice.dataset["tone"] = isTooLong || this.#problems.length > 0 ? "bad" : "quiet";
    form.dataset["size"] = isTooLong ? "over" : "";
  }
}

/**
 * @param {DataTransfer} data
 * @returns {{files: File[], folders: string[]}} folders: names only, since browsers pass folders as unreadable files
 */
function parted(data) {
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  const folders = new Set(entries.flatMap((entry) => (entry?.isDirectory ? [entry.name] : [])));
  return { files: [...data.files].filter((file) => !(folders.has(file.name) && file.type === "")), folders: [...folders] };
}

/** @param {DataTransfer | null} data */
function hasFiles(data) {
  return data?.types.includes("Files") ?? false;
}
