/** Choices at the composer for a chat that no longer fits into the model's context, and the progress of a summary. */

/** @typedef {import("../conversations/summarizer.js").SummaryProgress} SummaryProgress */
/** @typedef {"drop" | "summarize" | "elsewhere" | "stop"} ContextChoice */
/**
 * @typedef {object} ContextChoiceElements
 * @property {HTMLElement} box
 * @property {HTMLElement} words
 * @property {HTMLButtonElement} drop
 * @property {HTMLButtonElement} summarize
 * @property {HTMLButtonElement} elsewhere
 * @property {HTMLButtonElement} stop
 */

const QUESTION = "This chat is too long for the model to see all of it.";
const figures = new Intl.NumberFormat("en");

export class ContextChoiceView {
  #elements;
  #observer = new AbortController();

  /** @param {ContextChoiceElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {{contextChosen: (choice: ContextChoice) => void}} delegate */
  start(delegate) {
    const { signal } = this.#observer;
    for (const name of /** @type {const} */ (["drop", "summarize", "elsewhere", "stop"])) {
      this.#elements[name].addEventListener("click", () => delegate.contextChosen(name), { signal });
    }
  }

  stop() {
    this.#observer.abort();
  }

  /**
   * @param {boolean} isAsked
   * @param {SummaryProgress | null} progress of a summary that is being written
   */
  show(isAsked, progress) {
    const { box, words, drop, summarize, elsewhere, stop } = this.#elements;
    box.hidden = !isAsked && progress === null;
    const text = progress === null ? QUESTION : describeProgress(progress);
    if (words.textContent !== text) words.textContent = text;
    for (const button of [drop, summarize, elsewhere]) button.hidden = progress !== null;
    stop.hidden = progress === null;
    stop.disabled = progress?.isStopping ?? false;
  }
}

/** @param {SummaryProgress} progress */
export function describeProgress({ tokens, isStopping }) {
  if (isStopping) return "Stopping…";
  return tokens === 0 ? "Summarizing the earlier messages…" : `Summarizing the earlier messages · ${figures.format(tokens)} ${tokens === 1 ? "token" : "tokens"}`;
}
