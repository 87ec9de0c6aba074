/** Instructions in mid-answer (PROTOCOL 4.9) in the open conversation. */

import { unsteeredWords } from "../words/error-words.js";

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
   * @param {Pick<import("./chat-parts.js").Parts, "connection" | "composer" | "announcer" | "toasts">} parts
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
    this.#parts.connection.steer(generation, text);
    this.#parts.announcer.say("Instruction sent");
    return true;
  }

  /**
   * Keep an instruction that the server has refused: one that came too late is the next message, and any other returns
   * to the composer.
   * @param {import("../protocol/changes.js").Unsteered} event
   */
  unsteered({ id, content, error }) {
    if (error.code === "already_done" && this.#hooks.open().live(id)) return this.#hooks.queue(content);
    this.#parts.composer.prepend(content);
    this.#parts.toasts.show({ text: unsteeredWords(error.code), tone: "bad" });
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
