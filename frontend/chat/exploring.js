/**
 * Explore mode: the tokens of one answer in the open conversation, the likeliest alternatives at each (PROTOCOL 4.12),
 * and new versions of the answer from an alternative (6.12). Owns the mode.
 */

import { tokensOf } from "../conversations/answer-tokens.js";
import { ApiError } from "../conversations/api-error.js";
import { CHANGED, FORGOTTEN, OFFLINE, UNREACHED, unknownWords } from "../words/explore-words.js";

/** @typedef {import("../conversations/answer-tokens.js").AnswerTokens} AnswerTokens */
/** @typedef {import("../conversations/api.js").Message} Message */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../protocol/lookups.js").Looked} Looked */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/**
 * @typedef {object} Explored
 * @property {string} message
 * @property {string} generation
 * @property {AnswerTokens} tokens
 * @property {import("../rendering/explore/explore-view.js").ExploreView} view
 * @property {boolean} isColumn whether the answer is a column of a comparison
 */
/**
 * @typedef {object} ExploringHooks
 * @property {() => OpenConversation} open
 * @property {() => boolean} isConnected
 * @property {(feature: string, generation: string) => boolean} has whether the model of an answer has an optional part
 *   of the protocol
 * @property {(question: import("./message-commands.js").Question) => void} ask
 * @property {() => void} show shows the open conversation again
 */

/** Number of alternatives that are shown. */
const COUNT = 10;
const NOT_FOUND = 404;

/**
 * Check if a message may have tokens on the server: an answer that the page shows as the model wrote it.
 * @param {Message} message
 * @param {string} text of the message
 */
export function mayBeExplored({ role, generation, tool_calls: calls }, text) {
  return role === "assistant" && generation !== null && !calls && text !== "";
}

export class Exploring {
  #parts;
  #hooks;
  /** @type {Explored | null} */
  #explored = null;
  /** Number of the newest question, so that a late reply to an earlier one isn't shown. */
  #question = 0;
  #isReading = false;

  /**
   * @param {Pick<import("./chat-parts.js").Parts, "api" | "connection" | "transcript" | "announcer" | "toasts"> & {views: import("./message-views.js").MessageViews}} parts
   * @param {ExploringHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /**
   * Check if the server can show the alternatives of an answer's tokens.
   * @param {string} generation
   */
  isPossible(generation) {
    return this.#hooks.has("alternatives", generation);
  }

  /** Id of the message whose tokens are shown; null for none. */
  get message() {
    return this.#explored?.message ?? null;
  }

  /**
   * Show or hide the tokens of the focused answer.
   * @returns {boolean} false if no answer with tokens has the focus
   */
  pressed() {
    const open = this.#hooks.open();
    const message = open.tree.find(this.#parts.transcript.focused);
    if (!message || !mayBeExplored(message, open.textOf(message)) || !this.isPossible(message.generation ?? "")) return false;
    void this.toggle(message.id);
    return true;
  }

  /** Show the tokens of an answer, or hide them. @param {string} id of its message */
  async toggle(id) {
    const isOn = this.message === id;
    this.leave();
    const message = isOn ? undefined : this.#hooks.open().tree.find(id);
    const tokens = message && (await this.#read(message));
    if (message && tokens && this.message === null) this.#begin(message, tokens);
  }

  /** Hide the tokens. @returns {boolean} false if none are shown */
  leave() {
    if (!this.#explored) return false;
    this.#end();
    this.#hooks.show();
    return true;
  }

  /** Leave the mode if its answer is no longer shown there, or has been divided by an instruction. */
  chatChanged() {
    const explored = this.#explored;
    if (!explored) return;
    const { path, tree, compared } = this.#hooks.open();
    const isColumn = compared.includes(explored.message);
    const message = isColumn ? tree.find(explored.message) : path.find(({ id }) => id === explored.message);
    if (message?.generation !== explored.generation || isColumn !== explored.isColumn) this.#end();
  }

  /** Add the newest tokens of an answer that is being written. @param {GenerationEvent} event */
  receive(event) {
    const explored = this.#explored;
    if (!explored || event.id !== explored.generation) return;
    const { tokens } = explored;
    if (event.type === "tuned") this.#add(tokens, event.seq, "");
    else if (event.type === "token" && (event.n ?? 1) === 1) this.#add(tokens, event.seq, event.text);
    else if (event.type === "done") void this.#readOn(explored);
  }

  /**
   * @param {AnswerTokens} tokens
   * @param {number} seq
   * @param {string} text
   */
  #add(tokens, seq, text) {
    if (seq === tokens.last + 1) tokens.add(text);
  }

  /**
   * @param {Message} message
   * @param {AnswerTokens} tokens
   */
  #begin(message, tokens) {
    const shown = this.#parts.views.find(message.id);
    if (!shown) return;
    const isColumn = this.#hooks.open().compared.includes(message.id);
    this.#parts.transcript.leaveEnd();
    const view = shown.explore(tokens, {
      tokenChosen: (index) => this.#look(index),
      alternativeChosen: (index, token) => this.#fork(index, token),
      tokensWanted: () => this.#explored && void this.#readOn(this.#explored),
      exploreLeft: () => void this.leave(),
    });
    this.#explored = { message: message.id, generation: tokens.generation, tokens, view, isColumn };
    this.#hooks.show();
    view.start();
  }

  #end() {
    this.#question += 1;
    this.#explored?.view.stop();
    this.#explored = null;
  }

  /**
   * Read the tokens of an answer, or say why there are none.
   * @param {Message} message
   * @returns {Promise<AnswerTokens | null>}
   */
  async #read({ id, generation }) {
    const open = this.#hooks.open();
    try {
      const log = await this.#parts.api.pieces(generation ?? "");
      const message = this.#hooks.open() === open ? open.tree.find(id) : undefined;
      if (!message) return null;
      const tokens = tokensOf(log, { content: message.content, isWriting: message.state === "writing" });
      if (tokens && tokens.count > 0) return tokens;
      // A continued answer of which the last generation wrote nothing has no tokens either.
      this.#parts.toasts.show({ text: tokens ? FORGOTTEN : CHANGED, tone: "bad" });
      return null;
    } catch (error) {
      const isForgotten = error instanceof ApiError && error.status === NOT_FOUND;
      this.#parts.toasts.show({ text: isForgotten ? FORGOTTEN : UNREACHED, tone: "bad" });
      return null;
    }
  }

  /**
   * Read the tokens that have been written since, several of which may have arrived as one text.
   * @param {Explored} explored
   */
  async #readOn({ message: id, generation, tokens }) {
    if (this.#isReading || tokens.isFinished) return;
    this.#isReading = true;
    const log = await this.#parts.api.pieces(generation).catch(() => null);
    this.#isReading = false;
    for (const piece of log?.pieces.slice(tokens.last) ?? []) tokens.add(piece);
    const message = this.#hooks.open().tree.find(id);
    if (log && message?.state !== "writing") tokens.isFinished = true;
  }

  /** Ask for the alternatives of a token. @param {number} index */
  #look(index) {
    const explored = /** @type {Explored} */ (this.#explored);
    if (!this.#hooks.isConnected()) return explored.view.showTrouble(OFFLINE);
    const question = (this.#question += 1);
    const { generation, tokens } = explored;
    this.#parts.connection.askAlternatives(generation, tokens.seqOf(index), COUNT, (looked) => {
      if (question === this.#question) this.#showLooked(explored, looked);
    });
  }

  /**
   * @param {Explored} explored
   * @param {Looked} looked
   */
  #showLooked({ view, generation }, looked) {
    if ("tokens" in looked) view.showAlternatives(looked.tokens, this.#mayFork(generation));
    else view.showTrouble(looked.error.code === "lost" ? OFFLINE : unknownWords(looked.error.code));
  }

  /** @param {string} generation */
  #mayFork(generation) {
    return this.#hooks.has("fork", generation) && this.#began(generation) !== undefined;
  }

  /**
   * Find the message that a generation has begun. One that only continued an answer has none, and can't be written
   * again from one of its tokens.
   * @param {string} generation
   */
  #began(generation) {
    return this.#hooks.open().tree.find(generation);
  }

  /**
   * Write the answer again from an alternative, as another version of it. The other version is not stopped.
   * @param {number} index
   * @param {string} token
   */
  #fork(index, token) {
    const { generation, tokens } = /** @type {Explored} */ (this.#explored);
    const message = this.#began(generation);
    if (!message) return;
    const seq = tokens.seqOf(index);
    this.#end();
    this.#hooks.ask({ parent: message.parent, from: { id: generation, seq, text: token } });
  }
}
