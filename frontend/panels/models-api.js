/** Client for the models on the server's machine, the hub and the downloads, over HTTP (docs/models.md). */

import { parsed } from "../guarded-storage.js";
import { ROOT_PATH } from "../root-path.js";
import { wellFormed, wellFormedJson } from "../protocol/well-formed.js";
import { requestWords } from "../words/error-words.js";

/** @typedef {import("../connection.js").Clock} Clock */
/**
 * @typedef {object} LocalModel
 * @property {string} name shortest name that is unique on the machine
 * @property {string} full_name
 * @property {string} place program that the file belongs to
 * @property {number} size in bytes
 * @property {string | null} quantization
 * @property {string | null} parameters
 * @property {number | null} context in tokens
 * @property {number | null} needs memory need in bytes
 * @property {boolean | null} fits into the free memory
 * @property {boolean} in_use
 * @property {boolean} removable
 */
/** @typedef {{source: string, about: string, size: number}} Suggested */
/**
 * @typedef {object} LocalModels
 * @property {LocalModel[]} models
 * @property {Suggested[]} suggested models that can be downloaded by their name
 * @property {number | null} memory_free in bytes
 * @property {number | null} model_memory that loaded models may take together, in bytes; null: no limit
 * @property {number | null} disk_free in bytes
 * @property {boolean} may_get this user may download and delete models
 * @property {boolean} offline
 */
/** @typedef {{repository: string, downloads: number | null, likes: number | null, licence: string | null, gated: boolean}} Repository */
/**
 * @typedef {object} HubModel
 * @property {string | null} source for a download
 * @property {string} name
 * @property {string} quantization
 * @property {number} size in bytes
 * @property {number | null} context
 * @property {number | null} needs
 * @property {boolean | null} fits
 * @property {boolean} here
 */
/**
 * @typedef {object} Download
 * @property {string} id
 * @property {string} source
 * @property {string | null} name
 * @property {"waiting" | "running" | "stopping" | "stopped" | "failed" | "done"} state
 * @property {number} arrived in bytes
 * @property {number | null} size in bytes
 * @property {number | null} speed in bytes a second
 * @property {string | null} error
 */
/** @typedef {{version: number, downloads: Download[]}} Downloads */

/** Time limit for a request, in milliseconds. The server asks the hub meanwhile, which may be slow. */
const PATIENCE_MS = 60_000;
/** Time in seconds for which the server holds a request for news. */
const WAIT_SECONDS = 25;

/** Failure of a request, with a sentence for the user as its message. */
export class ModelsError extends Error {
  /** @override */
  name = "ModelsError";
}

export class ModelsApi {
  #fetch;
  #clock;

  /**
   * @param {(url: string, request: RequestInit) => Promise<Response>} fetchFrom
   * @param {Clock} clock
   */
  constructor(fetchFrom, clock) {
    this.#fetch = fetchFrom;
    this.#clock = clock;
  }

  /** @returns {Promise<LocalModels>} */
  async list() {
    return await this.#ask("GET", "models");
  }

  /** @param {string} fullName */
  async remove(fullName) {
    await this.#ask("DELETE", `models/${fullName.split("/").map(part).join("/")}`);
  }

  /**
   * @param {string} words
   * @returns {Promise<Repository[]>}
   */
  async search(words) {
    return (await this.#ask("GET", `hub?${new URLSearchParams({ q: wellFormed(words) })}`)).repositories;
  }

  /**
   * @param {string} repository
   * @returns {Promise<HubModel[]>}
   */
  async repository(repository) {
    return (await this.#ask("GET", `hub/${repository.split("/").map(part).join("/")}`)).models;
  }

  /**
   * Read the downloads: at once, or when there is news.
   * @param {number | null} after version of the last answer
   * @param {AbortSignal} signal
   * @returns {Promise<Downloads>}
   */
  async downloads(after, signal) {
    const query = after === null ? "" : `?after=${after}&wait=${WAIT_SECONDS}`;
    return await this.#ask("GET", `downloads${query}`, undefined, signal);
  }

  /** @param {string} source */
  async download(source) {
    await this.#ask("POST", "downloads", { source });
  }

  /** @param {string} id */
  async stop(id) {
    await this.#ask("POST", `downloads/${part(id)}/stop`, {});
  }

  /** @param {string} id */
  async resume(id) {
    await this.#ask("POST", `downloads/${part(id)}/resume`, {});
  }

  /** @param {string} id */
  async forget(id) {
    await this.#ask("DELETE", `downloads/${part(id)}`);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {AbortSignal} [signal] that ends the request
   * @returns {Promise<any>}
   */
  async #ask(method, path, body, signal) {
    const deadline = new AbortController();
    const timer = this.#clock.setTimeout(() => deadline.abort(), PATIENCE_MS);
    const end = () => deadline.abort();
    signal?.addEventListener("abort", end);
    try {
      const response = await this.#fetch(`${ROOT_PATH}/api/${path}`, {
        method,
        signal: deadline.signal,
        cache: "no-store",
        ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: wellFormedJson(body) }),
      });
      return answerOf(response.ok, parsed(await response.text()));
    } catch (error) {
      if (error instanceof ModelsError) throw error;
      throw new ModelsError("The server can't be reached.");
    } finally {
      this.#clock.clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  }
}

/**
 * Return the answer, or throw the reason. The server's sentence about the hub is written for people, and no other one.
 * @param {boolean} isOk
 * @param {any} answer
 */
function answerOf(isOk, answer) {
  if (isOk && answer !== null) return answer;
  const code = typeof answer?.code === "string" ? answer.code : "";
  if (code === "hub_failed" && typeof answer.message === "string") throw new ModelsError(answer.message);
  throw new ModelsError(code === "" ? "The server can't do this right now." : requestWords(code));
}

/** @param {string} text */
function part(text) {
  return encodeURIComponent(wellFormed(text));
}
