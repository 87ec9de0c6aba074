/** Panel with the models: downloads, search of the hub, and what is on the server's machine. */

import { create } from "../ui/elements.js";
import { DownloadList } from "./download-list.js";
import { DownloadWatch } from "./download-watch.js";
import { HubSearch } from "./hub-search.js";
import { LocalModelList } from "./local-model-list.js";
import { downloadName } from "./model-words.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("./models-api.js").Download} Download */
/** @typedef {import("./models-api.js").LocalModels} LocalModels */
/** @typedef {import("./models-api.js").ModelsApi} ModelsApi */
/** @typedef {{readonly chosen: string | undefined, choose: (name: string) => void}} Choice of the open chat's model */

export class ModelsPanel {
  name = "models";
  title = "Models";
  #api;
  #watch;
  #choice;
  #downloads;
  #search;
  #local;
  #said = create("p", { class: "field-hint models-said", role: "status" });
  #hint = create("p", { class: "field-hint", hidden: true });
  #isShown = false;
  /** @type {LocalModels | null} */
  #models = null;
  /** @type {string[]} */
  #choosable = [];
  /** Names and states of these, as they were offered last. */
  #states = "";
  /** Downloads that were not done when they were last seen. @type {Set<string>} */
  #open = new Set();

  /**
   * @param {ModelsApi} api
   * @param {Clock} clock
   * @param {Choice} choice
   */
  constructor(api, clock, choice) {
    this.#api = api;
    this.#choice = choice;
    this.#watch = new DownloadWatch(api, clock);
    this.#downloads = new DownloadList({
      stop: (id) => void this.#carryOut(() => api.stop(id)),
      resume: (id) => void this.#carryOut(() => api.resume(id)),
      forget: (id) => void this.#carryOut(() => api.forget(id)),
    });
    this.#search = new HubSearch(api, (source) => this.download(source));
    this.#local = new LocalModelList((name) => void this.#remove(name), (name) => this.#choose(name));
    this.element = create("div", {}, this.#said, this.#downloads.element, this.#local.element, this.#search.element, this.#hint);
  }

  stop() {
    this.hidden();
  }

  shown() {
    this.#isShown = true;
    void this.#read();
  }

  hidden() {
    this.#isShown = false;
    this.#watch.stop();
  }

  /**
   * Offer the models that the server can answer with. The list is read again when these change, or when one is loaded
   * or no longer loaded.
   * @param {import("../protocol/messages.js").ModelEntry[]} models
   */
  offer(models) {
    const states = JSON.stringify(models.map(({ name, state }) => [name, state]));
    if (states === this.#states) return;
    this.#states = states;
    this.#choosable = models.map(({ name }) => name);
    if (this.#isShown) void this.#read();
  }

  /**
   * @param {string} source
   * @returns {Promise<boolean>} whether it was added to the downloads
   */
  download(source) {
    return this.#carryOut(() => this.#api.download(source));
  }

  async #read() {
    try {
      this.#models = await this.#api.list();
    } catch (error) {
      return this.#local.fail(messageOf(error));
    }
    this.#show();
    if (this.#models.may_get && this.#isShown) this.#watch.start((downloads) => this.#changed(downloads));
  }

  #show() {
    if (!this.#models) return;
    const { models, suggested, may_get: mayGet, offline } = this.#models;
    const chosen = this.#choice.chosen;
    this.#local.show(models, { mayRemove: mayGet, choosable: this.#choosable.length > 1 ? this.#choosable : [], chosen: chosen ?? this.#choosable[0] });
    this.#search.element.hidden = !mayGet || offline;
    this.#search.suggest(suggested);
    this.#hint.hidden = mayGet && !offline;
    this.#hint.textContent = mayGet
      ? "This server is offline, so it can't search for models or download them."
      : "You can't download models here. Ask the owner of this server.";
  }

  /** @param {Download[]} downloads */
  #changed(downloads) {
    this.#downloads.show(downloads);
    const done = downloads.filter(({ id, state }) => state === "done" && this.#open.has(id));
    this.#open = new Set(downloads.filter(({ state }) => state !== "done").map(({ id }) => id));
    if (done.length === 0) return;
    this.#said.textContent = `${done.map(downloadName).join(", ")} is ready.`;
    void this.#read();
  }

  /** @param {string} fullName */
  async #remove(fullName) {
    await this.#carryOut(() => this.#api.remove(fullName));
    await this.#read();
  }

  /** @param {string} name */
  #choose(name) {
    this.#choice.choose(name);
    this.#show();
  }

  /**
   * Carry out a command, and show why if it fails.
   * @param {() => Promise<void>} command
   * @returns {Promise<boolean>} whether it succeeded
   */
  async #carryOut(command) {
    this.#said.textContent = "";
    try {
      await command();
      return true;
    } catch (error) {
      this.#said.textContent = messageOf(error);
      return false;
    }
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error && error.name === "ModelsError" ? error.message : "Something went wrong. Try again.";
}
