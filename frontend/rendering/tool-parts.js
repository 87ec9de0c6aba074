/** Calls of one answer below its text, and the form for their results. Both are created when an answer first has calls. */

import { ToolCallsView } from "./tool-calls-view.js";
import { ToolResultForm } from "./tool-result-form.js";

/** @typedef {import("../protocol/messages.js").ToolCall} ToolCall */
/** @typedef {import("../protocol/messages.js").ToolResult} ToolResult */
/** @typedef {{calls: ToolCall[], given: ToolResult[]}} Wanted calls that need a result; given: results that could not be sent */

export class ToolParts {
  #body;
  #text;
  #send;
  /** @type {ToolCallsView | null} */
  #calls = null;
  /** @type {ToolResultForm | null} */
  #form = null;
  #wanted = "";

  /**
   * @param {HTMLElement} body of the message
   * @param {HTMLElement} text element of its text
   * @param {(results: ToolResult[]) => void} send
   */
  constructor(body, text, send) {
    this.#body = body;
    this.#text = text;
    this.#send = send;
  }

  /**
   * @param {ToolCall[]} calls
   * @param {boolean} isGrowing
   */
  showCalls(calls, isGrowing) {
    if (calls.length === 0 && !this.#calls) return;
    if (!this.#calls) this.#text.after((this.#calls = new ToolCallsView()).element);
    this.#calls.show(calls, isGrowing);
  }

  /** @returns {Element[]} the element of the calls, if there are some */
  get callElements() {
    return this.#calls ? [this.#calls.element] : [];
  }

  /** @param {Wanted | undefined} wanted undefined: no result is needed */
  showForm(wanted) {
    const key = JSON.stringify(wanted ?? null);
    if (key === this.#wanted) return;
    this.#wanted = key;
    this.#form?.element.remove();
    this.#form = wanted ? new ToolResultForm(wanted.calls, wanted.given, this.#send) : null;
    if (this.#form) this.#body.append(this.#form.element);
  }
}
