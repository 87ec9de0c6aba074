/** Views of the messages on the page: those of the transcript, and the answers that are compared below it. */

/** @typedef {import("../rendering/comparison-view.js").ComparisonView} ComparisonView */
/** @typedef {import("../rendering/transcript-view.js").TranscriptView} TranscriptView */

export class MessageViews {
  #transcript;
  #comparison;

  /** @param {{transcript: TranscriptView, comparison?: ComparisonView}} views */
  constructor({ transcript, comparison }) {
    this.#transcript = transcript;
    this.#comparison = comparison;
  }

  /** @param {string} id */
  find(id) {
    return this.#transcript.find(id) ?? this.#comparison?.find(id);
  }

  /** @param {string} id */
  focus(id) {
    if (this.#comparison?.find(id)) this.#comparison.focus(id);
    else this.#transcript.focus(id);
  }

  /**
   * Scroll to a message.
   * @param {string} id
   * @param {string} [query] search text to mark in it
   */
  reveal(id, query = "") {
    const column = this.#comparison?.find(id);
    if (!column) return this.#transcript.reveal(id, query);
    this.#transcript.leaveEnd();
    this.#comparison?.focus(id);
    this.#transcript.showHits(column, query);
  }
}
