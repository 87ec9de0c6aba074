/** What a page can do with the newest answer of a StreamUI, besides stopping it (PROTOCOL 4.9, 4.11, 4.12, 6.12). */

import { wellFormed } from "../protocol/well-formed.js";
import { unknownWords } from "../words/explore-words.js";

/** @typedef {import("../connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../protocol/messages.js").Alternative} Alternative */
/** @typedef {import("../protocol/messages.js").ForkGenerate} ForkGenerate */
/** @typedef {import("../protocol/messages.js").Welcome} Welcome */
/** @typedef {import("./dialogue.js").Dialogue} Dialogue */
/** @typedef {import("./dialogue.js").Turn} Turn */
/** @typedef {Pick<import("../connection.js").Connection, "steer" | "tune" | "askAlternatives">} Commanded */

/** Error of a request about a place in an answer. `code`: as in PROTOCOL.md 8, or `lost` without a connection. */
export class PlaceError extends Error {
  /** @param {string} code */
  constructor(code) {
    super(unknownWords(code));
    this.code = code;
  }
}

export class AnswerControl {
  #dialogue;
  #connection;
  #model;
  #isConnected = false;
  /** @type {Pick<Welcome, "models" | "features">} */
  #welcome = {};

  /**
   * @param {Dialogue} dialogue
   * @param {Commanded} connection
   * @param {string | undefined} model name of the model that answers; undefined: the server's default
   */
  constructor(dialogue, connection, model) {
    this.#dialogue = dialogue;
    this.#connection = connection;
    this.#model = model;
  }

  get isConnected() {
    return this.#isConnected;
  }

  /** @param {ConnectionState} state */
  connectionChanged(state) {
    this.#isConnected = state.name === "connected";
    if (state.name === "connected") this.#welcome = state.welcome;
  }

  /** True if the running answer can get an instruction: it has text. */
  get canSteer() {
    const turn = this.#dialogue.running;
    return turn !== undefined && turn.answer.isWriting && this.#has("steer", turn);
  }

  /**
   * @param {string} text
   * @returns {boolean} false if nothing was sent
   */
  steer(text) {
    const turn = this.#dialogue.running;
    if (text.trim() === "" || !turn || !this.canSteer) return false;
    this.#connection.steer(turn.log, wellFormed(text));
    return true;
  }

  /** True if the parameters of the running answer can be changed. */
  get canTune() {
    const turn = this.#dialogue.running;
    return turn !== undefined && !turn.answer.isStopping && this.#has("tune", turn);
  }

  /**
   * @param {Record<string, unknown>} params
   * @returns {boolean} false if nothing was sent
   */
  tune(params) {
    const turn = this.#dialogue.running;
    if (Object.keys(params).length === 0 || !turn || !this.canTune) return false;
    this.#connection.tune(turn.log, params);
    return true;
  }

  /**
   * @param {number} seq place in the newest answer
   * @param {number | undefined} count
   * @returns {Promise<Alternative[]>} rejected with a PlaceError
   */
  alternatives(seq, count) {
    const turn = this.#dialogue.newest;
    if (!turn || !this.#isConnected) return Promise.reject(new PlaceError(turn ? "lost" : "unknown_id"));
    return new Promise((resolve, reject) => {
      this.#connection.askAlternatives(turn.log, seq, count, (looked) => {
        if ("tokens" in looked) resolve(looked.tokens);
        else reject(new PlaceError(looked.error.code));
      });
    });
  }

  /** True if the newest answer can be written again from a place: it has ended, and is the whole of its generation. */
  get canFork() {
    const turn = this.#dialogue.newest;
    return turn !== undefined && !turn.isRunning && turn.answer.isAccepted && turn.generation === turn.log && this.#has("fork", turn);
  }

  /**
   * @param {string} feature optional part of the protocol (PROTOCOL 11)
   * @param {Turn} turn
   */
  #has(feature, { answer }) {
    return this.#isConnected && hasFeature(this.#welcome, answer.model ?? this.#model, feature);
  }
}

/**
 * Check if a model has an optional part of the protocol.
 * @param {Pick<Welcome, "models" | "features">} welcome
 * @param {string | undefined} model undefined: the default one, which is the first
 * @param {string} feature
 */
export function hasFeature({ models = [], features = [] }, model, feature) {
  const entry = model === undefined ? models[0] : models.find(({ name }) => name === model);
  return (entry?.features ?? features).includes(feature);
}
