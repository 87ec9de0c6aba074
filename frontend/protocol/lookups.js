/** Questions about the likeliest tokens at places of answers that the server has not answered yet. Pure. */

import { askAlternatives } from "./messages.js";

/** @typedef {import("./messages.js").Alternative} Alternative */
/** @typedef {import("./messages.js").Alternatives} Alternatives */
/** @typedef {import("./messages.js").AskAlternatives} AskAlternatives */
/** @typedef {import("./messages.js").ErrorMessage} ErrorMessage */
/** @typedef {{tokens: Alternative[]} | {error: ErrorMessage}} Looked likeliest first; or why there are none */

/** Answer to a question whose connection has ended. */
const LOST = { type: "error", re: "alternatives", code: "lost", message: "The connection ended.", retryable: true };

export class Lookups {
  /** @type {{question: AskAlternatives, receive: (looked: Looked) => void}[]} */
  #open = [];

  /**
   * Add a question. The server answers all of one connection in order (PROTOCOL 4.12).
   * @param {string} id
   * @param {number} seq
   * @param {number | undefined} count
   * @param {(looked: Looked) => void} receive called once
   * @returns {AskAlternatives} the message to send
   */
  ask(id, seq, count, receive) {
    const question = askAlternatives(id, seq, count);
    this.#open.push({ question, receive });
    return question;
  }

  /** @param {Alternatives} answer */
  answered({ tokens }) {
    this.#open.shift()?.receive({ tokens });
  }

  /** @param {ErrorMessage} error */
  refused(error) {
    this.#open.shift()?.receive({ error });
  }

  /** Handle the end of the connection. */
  lost() {
    for (const { receive } of this.#open.splice(0)) receive({ error: /** @type {ErrorMessage} */ (LOST) });
  }
}
