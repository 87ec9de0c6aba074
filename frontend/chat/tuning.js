/** New sampling parameters in mid-answer (PROTOCOL 4.11) in the open conversation. */

import { PARAMETERS } from "../panels/parameter-table.js";
import { untunedWords } from "../words/error-words.js";

/** @typedef {import("../conversations/api.js").Settings} Settings */
/** @typedef {import("../conversations/live-answer.js").LiveAnswer} LiveAnswer */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/**
 * @typedef {object} TuningHooks
 * @property {() => OpenConversation} open
 * @property {() => boolean} isConnected
 * @property {(feature: string, generation: string) => boolean} has whether the model of an answer has an optional part
 *   of the protocol
 */

/** Time without another change after which the parameters are sent, in milliseconds: a slider changes many times. */
const PAUSE_MS = 300;
/** Share of an answer's token limit from which on the page offers a longer answer. */
const NEAR = 0.75;
/** Value that means no limit. */
const NO_LIMIT = 2 ** 31 - 1;
/** Values of parameters that the settings don't have any more, where these are no plain numbers. */
const CLEARED = /** @type {Record<string, unknown>} */ ({ max_tokens: NO_LIMIT, logit_bias: {} });

export class Tuning {
  #parts;
  #hooks;
  /** @type {Record<string, unknown>} parameters that the model uses where the settings have none */
  #standards = {};
  /** @type {Record<string, unknown> | null} parameters before the changes that are not sent yet */
  #before = null;
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {Pick<import("./chat-parts.js").Parts, "connection" | "announcer" | "toasts" | "clock">} parts
   * @param {TuningHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** @param {import("../protocol/messages.js").Welcome} welcome */
  greeted({ model }) {
    this.#standards = { ...model?.sampling };
  }

  /** True if the parameters of the running answer can be changed. */
  get isPossible() {
    return this.#generation !== undefined;
  }

  /**
   * Use changed parameters for the rest of the running answer too, after a pause.
   * @param {Settings} before
   */
  settingsChanged(before) {
    if (this.#generation === undefined) return;
    this.#before ??= { ...before.params };
    const { clock } = this.#parts;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#send(), PAUSE_MS);
  }

  /** Double the token limit of the running answer. The settings keep theirs. */
  longer() {
    const open = this.#hooks.open();
    const generation = this.#generation;
    const limit = generation === undefined ? undefined : limitOf(open.live(generation), open.settings);
    if (generation === undefined || limit === undefined) return;
    this.#parts.connection.tune(generation, { max_tokens: Math.min(2 * limit, NO_LIMIT) });
    this.#parts.announcer.say("The answer may get longer");
  }

  /**
   * Tell why an answer keeps its parameters. Those that came too late hold for the next answer anyway.
   * @param {import("../protocol/changes.js").Untuned} event
   */
  untuned({ error }) {
    if (error.code !== "already_done") this.#parts.toasts.show({ text: untunedWords(error.code), tone: "bad" });
  }

  #send() {
    const before = this.#before ?? {};
    this.#before = this.#timer = null;
    const generation = this.#generation;
    if (generation === undefined) return;
    const changed = this.#difference(before, { ...this.#hooks.open().settings.params });
    if (Object.keys(changed).length > 0) this.#parts.connection.tune(generation, changed);
  }

  /**
   * @param {Record<string, unknown>} before
   * @param {Record<string, unknown>} after
   * @returns {Record<string, unknown>} changed parameters that a running answer can take
   */
  #difference(before, after) {
    /** @type {Record<string, unknown>} */
    const changed = {};
    for (const name of Object.keys({ ...before, ...after })) {
      if (name === "json_schema" || JSON.stringify(before[name]) === JSON.stringify(after[name])) continue;
      const value = after[name] ?? this.#standard(name);
      if (value !== undefined) changed[name] = value;
    }
    return changed;
  }

  /**
   * @param {string} name
   * @returns {unknown} value of a parameter that the settings leave to the model; undefined: it can't be set back
   */
  #standard(name) {
    if (name in this.#standards) return this.#standards[name];
    if (name in CLEARED) return CLEARED[name];
    const standard = Number(PARAMETERS.find((each) => each.name === name)?.standard);
    return Number.isNaN(standard) ? undefined : standard;
  }

  /** @returns {string | undefined} generation of the shown answer, if it can be tuned now */
  get #generation() {
    if (!this.#hooks.isConnected()) return undefined;
    const open = this.#hooks.open();
    if (open.compared.length > 0) return undefined; // compared answers have settings of their own
    return open.writing.find((generation) => {
      const live = open.live(generation);
      return live !== undefined && !live.isStopping && !live.done && this.#hooks.has("tune", generation);
    });
  }
}

/**
 * Check if an answer comes near its token limit.
 * @param {LiveAnswer | undefined} live
 * @param {Settings} settings of its conversation
 */
export function nearsLimit(live, settings) {
  const limit = limitOf(live, settings);
  return live !== undefined && limit !== undefined && live.tokens >= NEAR * limit && !live.isStopping;
}

/**
 * @param {LiveAnswer | undefined} live
 * @param {Settings} settings of its conversation
 * @returns {number | undefined} token limit of an answer; undefined: none
 */
function limitOf(live, settings) {
  const limit = Number(live?.tuned.max_tokens ?? settings.params?.max_tokens);
  return limit > 0 && limit < NO_LIMIT ? limit : undefined;
}
