/** Instructions in mid-answer (PROTOCOL 4.9) in the open conversation. */

import { wellFormed } from "../protocol/well-formed.js";
import { unsteeredWords } from "../words/error-words.js";

/** @typedef {import("../conversations/instructions.js").Instruction} Instruction */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/**
 * @typedef {object} SteeringHooks
 * @property {() => OpenConversation} open
 * @property {() => boolean} isConnected
 * @property {(feature: string, generation: string) => boolean} has whether the model of an answer has an optional part
 *   of the protocol
 * @property {(text: string) => void} queue sends a message after the answer
 */

export class Steering {
  #parts;
  #hooks;

  /**
   * @param {Pick<import("./chat-parts.js").Parts, "connection" | "composer" | "announcer" | "toasts" | "instructions" | "newId">} parts
   * @param {SteeringHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** True if the shown answer can be steered now. */
  get isPossible() {
    return this.#generation !== undefined;
  }

  /**
   * Send an instruction.
   * @param {string} text
   * @returns {boolean} false if no answer can be steered now
   */
  steer(text) {
    const generation = this.#generation;
    if (generation === undefined) return false;
    const { id: conversation, isTemporary } = this.#hooks.open();
    const instruction = { key: this.#parts.newId(), generation, conversation, content: wellFormed(text) };
    this.#parts.instructions.add(instruction, !isTemporary);
    this.#parts.connection.steer(generation, instruction.content, instruction.key);
    this.#parts.announcer.say("Instruction sent");
    return true;
  }

  /**
   * Send the instructions again that an earlier page, or this one before it showed another chat, has sent to this
   * answer: those that its log doesn't have.
   * @param {string} generation that the connection follows from now on
   */
  followed(generation) {
    for (const { content, key } of this.#parts.instructions.of(generation)) this.#parts.connection.steer(generation, content, key);
  }

  /** @param {import("../protocol/messages.js").Steered} event */
  steered({ id, content }) {
    const oldest = this.#parts.instructions.of(id).find((each) => each.content === content);
    if (oldest) this.#parts.instructions.take(oldest.key);
  }

  /**
   * Keep an instruction that the server has refused: one that came too late is the next message, and any other returns
   * to the composer.
   * @param {import("../protocol/changes.js").Unsteered} event
   */
  unsteered({ id, content, key, error }) {
    if (!this.#parts.instructions.take(key)) return;
    if (error.code === "already_done" && this.#hooks.open().live(id)) return this.#hooks.queue(content);
    this.#giveBack(content, error.code);
  }

  /** Give back the instructions to answers of the open conversation that have ended without them. */
  settle() {
    const open = this.#hooks.open();
    if (!open.isOnServer) return;
    for (const instruction of this.#parts.instructions.in(open.id)) {
      if (isOpen(instruction, open)) continue;
      const isThere = hasArrived(instruction, open);
      if (this.#parts.instructions.take(instruction.key) && !isThere) this.#giveBack(instruction.content, "already_done");
    }
  }

  /**
   * @param {string} content
   * @param {string} code
   */
  #giveBack(content, code) {
    this.#parts.composer.prepend(content);
    this.#parts.toasts.show({ text: unsteeredWords(code), tone: "bad" });
  }

  /** @returns {string | undefined} generation of the shown answer, if it can be steered now */
  get #generation() {
    if (!this.#hooks.isConnected()) return undefined;
    const open = this.#hooks.open();
    if (open.compared.length > 0) return undefined; // an instruction would be for one of several answers
    if (open.settings.tools) return undefined; // an answer that may call functions can't be divided
    return open.writing.find((generation) => open.live(generation)?.isWriting && this.#hooks.has("steer", generation));
  }
}

/**
 * @param {Instruction} instruction
 * @param {OpenConversation} open
 */
function isOpen({ generation }, open) {
  return open.live(generation) !== undefined || open.followed.includes(generation);
}

/**
 * Tell whether an instruction is a message of the conversation. The id of such a message begins with its generation.
 * @param {Instruction} instruction
 * @param {OpenConversation} open
 */
function hasArrived({ generation, content }, open) {
  return open.tree.all.some((each) => each.role === "user" && each.id.startsWith(`${generation}-`) && each.content === content);
}
