/** Text files that come into the composer: dropped, pasted, or chosen by a button. Says what it did not take, and why. */

import { isLong } from "./held-texts.js";
import { describeSize, roomFor } from "./message-size.js";
import { takeFile } from "./text-file.js";

/**
 * @typedef {object} AttachmentElements
 * @property {HTMLFormElement} form
 * @property {HTMLTextAreaElement} input
 * @property {HTMLButtonElement} button
 * @property {HTMLInputElement} chooser for files
 * @property {import("./held-texts.js").HeldTexts} held
 * @property {HTMLElement} notice where sentences are shown and announced
 */

/** So many files at once are a mistake more often than a wish. */
const MAX_FILES = 20;
/** The browser's own insertion keeps Undo, but takes long for long texts. UTF-16 units. */
const UNDOABLE = 20_000;
/** Until the server has said what it takes. Bytes. */
const FRAME_BYTES = 1024 * 1024;

export class Attachments {
  #elements;
  #frameBytes = FRAME_BYTES;
  #observer = new AbortController();
  /** @type {string[]} about the files that were brought last */
  #problems = [];

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
    button.addEventListener("click", () => chooser.click(), { signal });
    chooser.addEventListener("change", () => this.#chosen(), { signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @param {number} frameBytes the largest frame that the server takes */
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
   * Out of the window: inside of it the pointer enters another element.
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
    void this.take([...event.dataTransfer.files]);
  }

  /**
   * A spreadsheet or a text processor gives text and a picture of it: then the text is meant.
   * @param {ClipboardEvent} event
   */
  #pasted(event) {
    const data = event.clipboardData;
    const text = data?.getData("text/plain") ?? "";
    if (isLong(text)) {
      event.preventDefault();
      this.#elements.held.add({ name: "Pasted text", text: text.replace(/\r\n?/g, "\n") });
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
   * Writes the files into the composer, one after the other.
   * @param {File[]} files
   */
  async take(files) {
    const { input, held } = this.#elements;
    const problems = files.length > MAX_FILES ? [`${files.length} files are too many at once; the first ${MAX_FILES} are here.`] : [];
    for (const file of files.slice(0, MAX_FILES)) {
      const taken = await takeFile(file, roomFor(input.value, this.#frameBytes, held.bytes));
      if ("problem" in taken) problems.push(taken.problem);
      else if (isLong(taken.block)) held.add({ name: taken.name, text: taken.block });
      else insert(input, taken.block);
    }
    this.#problems = problems;
    this.#say();
    input.focus();
  }

  #changed() {
    this.#problems = [];
    this.#say();
  }

  #say() {
    const { form, input, held, notice } = this.#elements;
    const { words, isTooLong } = describeSize(input.value, this.#frameBytes, held.bytes);
    const sentences = [...this.#problems, words].filter((sentence) => sentence !== "").join(" ");
    if (notice.textContent !== sentences) notice.textContent = sentences;
    notice.dataset["tone"] = isTooLong || this.#problems.length > 0 ? "bad" : "quiet";
    form.dataset["size"] = isTooLong ? "over" : "";
  }
}

/**
 * At the caret, on lines of its own.
 * @param {HTMLTextAreaElement} input
 * @param {string} block
 */
function insert(input, block) {
  const before = input.value.slice(0, input.selectionStart);
  const text = before === "" || before.endsWith("\n") ? block : `\n\n${block}`;
  input.focus();
  if (text.length <= UNDOABLE && document.execCommand("insertText", false, text)) return;
  input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** @param {DataTransfer | null} data */
function hasFiles(data) {
  return data?.types.includes("Files") ?? false;
}
