/** Summaries of all conversations that were loaded: those in the list, and those that a search has found. Owns both. */

import { ApiError } from "./api-error.js";
import { splitMessage } from "./message-files.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../protocol/messages.js").ConversationChanged} ConversationChanged */
/** @typedef {import("./api.js").ConversationsApi} ConversationsApi */
/** @typedef {import("./api.js").Found} Found */
/** @typedef {import("./api.js").Summary} Summary */
/** @typedef {"loading" | "ready" | "failed"} LibraryPhase */
/**
 * Contents of the list.
 * @typedef {object} Holdings
 * @property {LibraryPhase} phase
 * @property {ApiError | null} error
 * @property {string} query "" if there is no search
 * @property {Found[]} conversations pinned ones first, then the newest; in a search the results, the best first
 * @property {boolean} hasMore
 */
/** @typedef {ConversationChanged | Summary | {id: string, deleted: true}} News */
/** @typedef {{libraryChanged: () => void}} LibraryDelegate */
/** @typedef {Pick<ConversationsApi, "list" | "change" | "remove" | "restore">} LibraryApi */

/** Delay between the last keystroke and a search, in milliseconds. */
const TYPING_MS = 150;
const PAGE = 50;
/** Version of a conversation that the server does not have yet. */
const UNSENT = -1;

export class Library {
  #api;
  #clock;
  /** @type {LibraryDelegate | null} */
  #delegate = null;
  /** @type {Map<string, Summary>} */
  #summaries = new Map();
  /** @type {LibraryPhase} */
  #phase = "loading";
  /** @type {ApiError | null} */
  #error = null;
  /** @type {string | null} */
  #next = null;
  #query = "";
  /** @type {Found[]} */
  #found = [];
  /** Number of the latest load. The result of an earlier one is dropped. */
  #reading = 0;
  #isReadingMore = false;
  /** Number of loads in progress. */
  #loadsInProgress = 0;
  /** @type {News[]} changes reported during a load, whose result may be older */
  #news = [];
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {LibraryApi} api
   * @param {Clock} clock
   */
  constructor(api, clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** @param {LibraryDelegate} delegate */
  start(delegate) {
    this.#delegate = delegate;
  }

  stop() {
    this.#clearTimer();
  }

  /** @returns {Holdings} */
  get holdings() {
    const isSearch = this.#query !== "";
    return {
      phase: this.#phase,
      error: this.#error,
      query: this.#query,
      conversations: isSearch ? this.#found : [...this.#summaries.values()].sort(inOrder),
      hasMore: !isSearch && this.#next !== null,
    };
  }

  /** @param {string} id */
  find(id) {
    return this.#summaries.get(id) ?? this.#found.find((found) => found.id === id);
  }

  /** Load the list again, as many conversations as before. */
  async refresh() {
    const reading = (this.#reading += 1);
    this.#loadsInProgress += 1;
    try {
      if (this.#query !== "") await this.#searchNow(reading);
      else await this.#readList(reading);
    } catch (error) {
      if (reading !== this.#reading) return;
      this.#error = error instanceof ApiError ? error : new ApiError(String(error));
      this.#phase = "failed";
      this.#changed();
    } finally {
      this.#readingEnded();
    }
  }

  /** Load the next page of the list. */
  async more() {
    if (this.#isReadingMore || this.#next === null || this.#query !== "") return;
    this.#isReadingMore = true;
    this.#loadsInProgress += 1;
    const reading = this.#reading;
    try {
      const page = await this.#api.list({ before: this.#next, limit: PAGE });
      if (reading !== this.#reading) return;
      this.#add(page);
      this.#catchUp();
    } catch {
      // Keep the list. It asks for the next page again when its end becomes visible again.
    } finally {
      this.#isReadingMore = false;
      this.#readingEnded();
      this.#changed();
    }
  }

  /** @param {string} text */
  search(text) {
    const query = text.trim();
    if (query === this.#query) return;
    this.#query = query;
    this.#found = [];
    this.#reading += 1;
    this.#clearTimer();
    this.#phase = "loading";
    this.#timer = this.#clock.setTimeout(() => this.refresh(), query === "" ? 0 : TYPING_MS);
    this.#changed();
  }

  /**
   * Update a conversation that has changed, here or elsewhere.
   * @param {ConversationChanged | Summary} summary
   */
  onSummary(summary) {
    this.#record(summary);
    this.#changed();
  }

  /**
   * Remove unsent conversations from the list, except these.
   * @param {Set<string>} ids
   */
  keepUnsent(ids) {
    const forgotten = [...this.#summaries.values()].filter(({ id, version }) => version === UNSENT && !ids.has(id));
    for (const { id } of forgotten) this.forget(id);
  }

  /** @param {string} id */
  forget(id) {
    this.#record({ id, deleted: true });
    this.#changed();
  }

  /**
   * @param {string} id
   * @param {{title?: string, pinned?: boolean}} change
   */
  async change(id, change) {
    this.onSummary(await this.#api.change(id, change));
  }

  /** @param {string} id */
  async remove(id) {
    const known = this.find(id);
    this.forget(id);
    try {
      await this.#api.remove(id);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return;
      if (known) this.onSummary(known);
      throw error;
    }
  }

  /** @param {string} id */
  async restore(id) {
    this.onSummary(await this.#api.restore(id));
  }

  /** @param {number} reading */
  async #readList(reading) {
    const least = Math.max(PAGE, this.#summaries.size);
    let page = await this.#api.list({ limit: PAGE });
    const conversations = [...page.conversations];
    while (page.next !== null && conversations.length < least) {
      page = await this.#api.list({ before: page.next, limit: PAGE });
      conversations.push(...page.conversations);
    }
    if (reading !== this.#reading) return;
    const unsent = [...this.#summaries.values()].filter(({ version }) => version === UNSENT);
    this.#summaries = new Map(unsent.map((summary) => [summary.id, summary]));
    this.#add({ conversations, next: page.next });
    this.#catchUp();
    this.#ready();
  }

  /** @param {number} reading */
  async #searchNow(reading) {
    const { conversations } = await this.#api.list({ query: this.#query, limit: PAGE });
    if (reading !== this.#reading) return;
    this.#found = conversations;
    this.#catchUp();
    this.#ready();
  }

  /** @param {News} news */
  #record(news) {
    if (this.#loadsInProgress > 0) this.#news.push(news);
    this.#apply(news);
  }

  /** @param {News} news */
  #apply(news) {
    if ("deleted" in news && news.deleted) {
      this.#summaries.delete(news.id);
      this.#found = this.#found.filter((found) => found.id !== news.id);
      return;
    }
    const summary = summaryOf(/** @type {Summary} */ (news));
    const known = this.#summaries.get(summary.id);
    if (known && known.version > summary.version) return;
    this.#summaries.set(summary.id, summary);
    this.#found = this.#found.map((found) => (found.id === summary.id ? { ...found, ...summary } : found));
  }

  /** Apply the changes that were reported during the load. */
  #catchUp() {
    for (const news of this.#news) this.#apply(news);
  }

  #readingEnded() {
    this.#loadsInProgress -= 1;
    if (this.#loadsInProgress === 0) this.#news = [];
  }

  #ready() {
    this.#phase = "ready";
    this.#error = null;
    this.#changed();
  }

  /** @param {{conversations: Found[], next: string | null}} page */
  #add({ conversations, next }) {
    for (const summary of conversations) this.#summaries.set(summary.id, summary);
    this.#next = next;
  }

  #changed() {
    this.#delegate?.libraryChanged();
  }

  #clearTimer() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/**
 * @param {Summary} one
 * @param {Summary} other
 */
function inOrder(one, other) {
  if (one.pinned !== other.pinned) return one.pinned ? -1 : 1;
  return other.updated_at - one.updated_at || (one.id < other.id ? 1 : -1);
}

/**
 * @param {Summary} summary
 * @returns {Summary} without any other properties
 */
function summaryOf({ id, title, created_at, updated_at, pinned, version, writing }) {
  return { id, title, created_at, updated_at, pinned, version, writing };
}

/**
 * Build the list entry of a conversation that the server does not have yet.
 * @param {string} id
 * @param {string} text first message
 * @param {number} at milliseconds since 1970
 * @returns {Summary}
 */
export function unsentSummary(id, text, at) {
  const { words, files } = splitMessage(text);
  const title = (words.trim() || files[0]?.name || "").split("\n", 1)[0]?.slice(0, 60) ?? "";
  return { id, title, created_at: at, updated_at: at, pinned: false, version: UNSENT, writing: [] };
}
