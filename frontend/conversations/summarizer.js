/**
 * Writer of summaries of a chat's earlier messages: one plain generation for each part, each with the summary so far.
 * The last summary is stored on the server. Owns the summary that is being written; there is one at a time.
 */

import { planSummary, nextPart, summaryRequest } from "./summary-plan.js";
import { ThinkingSplitter } from "../rendering/markdown/thinking-splitter.js";

/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("./api.js").ContextCount} ContextCount */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./summary-plan.js").Plan} Plan */
/** @typedef {import("./summary-plan.js").Said} Said */
/** @typedef {{type: string, id: string, text?: string, reason?: string, error?: {code: string}}} SummaryEvent */
/**
 * @typedef {object} Work
 * @property {string} conversation
 * @property {Plan} plan
 * @property {string} generation
 * @property {string} summary summary of the parts before
 * @property {Said[]} part
 * @property {Said[]} rest
 * @property {number} chunk length of a part, in UTF-16 units
 * @property {string} text written by the generation so far
 * @property {number} tokens written so far, for all parts
 * @property {boolean} isStopping
 */
/** @typedef {{tokens: number, isStopping: boolean}} SummaryProgress */
/**
 * @typedef {object} SummarizerParts
 * @property {{generate: (request: import("../protocol/messages.js").PlainGenerate) => void, cancel: (id: string) => void}} connection
 * @property {{changeMessage: (id: string, message: string, change: {summary: string | null}) => Promise<unknown>}} api
 * @property {() => string} newId
 * @property {() => void} changed called after `progressIn` has changed
 * @property {(conversation: string, message: string) => void} summarized called when the summary is stored with the
 *   message
 * @property {() => void} failed
 */

/** Shortest part, in UTF-16 units. A longer one that the server refuses as too long is halved. */
const SHORTEST_PART = 64;
/** Sampling temperature. It is low, so that the summary keeps to the facts. */
const TEMPERATURE = 0.3;

export class Summarizer {
  #parts;
  /** @type {Work | null} */
  #work = null;

  /** @param {SummarizerParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @param {string} conversation
   * @returns {SummaryProgress | null} null if no summary is being written in this conversation
   */
  progressIn(conversation) {
    if (this.#work?.conversation !== conversation) return null;
    const { tokens, isStopping } = this.#work;
    return { tokens, isStopping };
  }

  /**
   * @param {string} conversation
   * @param {Message[]} path
   * @param {ContextCount} count
   * @returns {boolean} false if another summary is being written, or there is nothing to summarize
   */
  start(conversation, path, count) {
    const plan = this.#work ? null : planSummary(path, count);
    if (!plan) return false;
    const { before: summary, said: rest, chunk } = plan;
    this.#work = { conversation, plan, generation: "", summary, part: [], rest, chunk, text: "", tokens: 0, isStopping: false };
    this.#askNext(this.#work);
    return true;
  }

  /**
   * Stop the summary of this conversation, unless it is already being stored.
   * @param {string} conversation
   */
  cancel(conversation) {
    const work = this.#work;
    if (work?.conversation !== conversation || work.isStopping || work.generation === "") return;
    work.isStopping = true;
    this.#parts.connection.cancel(work.generation);
    this.#parts.changed();
  }

  /**
   * @param {SummaryEvent} event
   * @returns {boolean} whether the event belongs to the summary
   */
  receive(event) {
    const work = this.#work;
    if (!work || event.id !== work.generation) return false;
    if (event.type === "token") this.#onText(work, event.text ?? "");
    else if (event.type === "snapshot") work.text = event.text ?? "";
    else if (event.type === "done") this.#onEnd(work, event.reason);
    else if (event.type === "rejected") this.#onRefused(work, event.error?.code);
    else if (event.type === "withdrawn") this.#end();
    else if (event.type === "lost") this.#fail();
    return true;
  }

  /** @param {Work} work */
  #askNext(work) {
    const { part, rest } = nextPart(work.rest, work.chunk);
    Object.assign(work, { part, rest, text: "", generation: this.#parts.newId() });
    const { maxTokens } = work.plan;
    const messages = summaryRequest(part, work.summary, maxTokens);
    const params = { max_tokens: maxTokens, temperature: TEMPERATURE };
    this.#parts.connection.generate({ type: "generate", id: work.generation, messages, params });
    this.#parts.changed();
  }

  /**
   * @param {Work} work
   * @param {string} text
   */
  #onText(work, text) {
    work.text += text;
    work.tokens += 1;
    this.#parts.changed();
  }

  /**
   * @param {Work} work
   * @param {string} [reason]
   */
  #onEnd(work, reason) {
    if (reason === "cancelled" || work.isStopping) return this.#end();
    const said = withoutThinking(work.text).trim();
    if ((reason !== "stop" && reason !== "length") || said === "") return this.#fail();
    work.summary = said;
    if (work.rest.length > 0) this.#askNext(work);
    else this.#store(work);
  }

  /**
   * @param {Work} work
   * @param {string} [code]
   */
  #onRefused(work, code) {
    if (work.isStopping) return this.#end();
    if (code !== "context_overflow" || work.chunk <= SHORTEST_PART) return this.#fail();
    work.rest = [...work.part, ...work.rest];
    work.chunk = Math.floor(work.chunk / 2);
    this.#askNext(work);
  }

  /** @param {Work} work */
  async #store(work) {
    const { conversation, plan, summary } = work;
    work.generation = "";
    try {
      await this.#parts.api.changeMessage(conversation, plan.upto, { summary });
    } catch {
      return this.#fail();
    }
    this.#end();
    this.#parts.summarized(conversation, plan.upto);
  }

  #fail() {
    this.#end();
    this.#parts.failed();
  }

  #end() {
    this.#work = null;
    this.#parts.changed();
  }
}

/** @param {string} text */
function withoutThinking(text) {
  let said = "";
  let isThinking = false;
  const splitter = new ThinkingSplitter({
    text: (piece) => void (said += isThinking ? "" : piece),
    thinkingBegan: () => void (isThinking = true),
    thinkingEnded: () => void (isThinking = false),
    thinkingWasBefore: () => void (said = ""),
  });
  splitter.append(text);
  splitter.finish();
  return said;
}
