/** List of the downloads: progress, and buttons to stop, resume and remove each. */

import { create, createButton } from "../ui/elements.js";
import { downloadName, downloadWords } from "./model-words.js";

/** @typedef {import("./models-api.js").Download} Download */
/**
 * @typedef {object} DownloadCommands
 * @property {(id: string) => void} stop
 * @property {(id: string) => void} resume
 * @property {(id: string) => void} forget
 */

export class DownloadList {
  #commands;
  /** @type {Map<string, DownloadRow>} */
  #rows = new Map();
  #list = create("ul", { class: "models-list" });

  /** @param {DownloadCommands} commands */
  constructor(commands) {
    this.#commands = commands;
    this.element = create("section", { class: "panel-group", hidden: true }, create("h3", {}, "Downloads"), this.#list);
  }

  /** @param {Download[]} downloads in the order of the queue */
  show(downloads) {
    const ids = new Set(downloads.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const [index, download] of downloads.entries()) {
      const row = this.#rows.get(download.id) ?? new DownloadRow(download.id, this.#commands);
      this.#rows.set(download.id, row);
      row.show(download);
      if (this.#list.children[index] !== row.element) this.#list.insertBefore(row.element, this.#list.children[index] ?? null);
    }
    this.element.hidden = downloads.length === 0;
  }
}

class DownloadRow {
  #name = create("span", { class: "models-name" });
  #bar = create("progress", { class: "models-bar", max: 1 });
  #words = create("p", { class: "field-hint" });
  #error = create("p", { class: "field-error", hidden: true });
  #stop;
  #resume;
  #forget;

  /**
   * @param {string} id
   * @param {DownloadCommands} commands
   */
  constructor(id, commands) {
    this.#stop = createButton("Stop", () => commands.stop(id), { hidden: true });
    this.#resume = createButton("Resume", () => commands.resume(id), { hidden: true });
    this.#forget = createButton("Remove", () => commands.forget(id), { hidden: true });
    this.element = create(
      "li",
      { class: "models-row" },
      this.#name,
      this.#bar,
      this.#words,
      this.#error,
      create("div", { class: "models-buttons" }, this.#stop, this.#resume, this.#forget),
    );
  }

  /** @param {Download} download */
  show(download) {
    const { state, arrived, size, error } = download;
    const name = downloadName(download);
    this.#name.textContent = name;
    this.#bar.ariaLabel = `Download of ${name}`;
    this.#bar.hidden = state === "done" || (!size && state !== "running");
    if (size) this.#bar.value = Math.min(1, arrived / size);
    else this.#bar.removeAttribute("value");
    this.#words.textContent = downloadWords(download);
    this.#error.textContent = error ?? "";
    this.#error.hidden = error === null;
    this.#showButton(this.#stop, state === "running" || state === "waiting", name);
    this.#showButton(this.#resume, state === "stopped" || state === "failed", name);
    this.#resume.textContent = state === "failed" ? "Try again" : "Resume";
    this.#showButton(this.#forget, state !== "running" && state !== "stopping", name);
    this.#forget.textContent = state === "done" ? "Hide" : "Remove";
  }

  /**
   * Show or hide a button. The focus moves from a hidden one to the next visible one.
   * @param {HTMLButtonElement} button
   * @param {boolean} isShown
   * @param {string} name
   */
  #showButton(button, isShown, name) {
    button.title = name;
    if (button.hidden === !isShown) return;
    const hadFocus = document.activeElement === button;
    button.hidden = !isShown;
    if (hadFocus) queueMicrotask(() => [this.#stop, this.#resume, this.#forget].find(({ hidden }) => !hidden)?.focus());
  }
}
