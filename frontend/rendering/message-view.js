/**
 * View of one message. It first shows the unformatted text without buttons, so that a long conversation opens quickly.
 * The message is rendered when it comes near the viewport, in a pause between frames, or before the page is printed.
 */

import { find } from "../ui/elements.js";
import { showBoundary } from "./boundary-view.js";
import { ExploreView } from "./explore/explore-view.js";
import { MarkdownText } from "./markdown-text.js";
import { wholeCharacters } from "./markdown/paragraph-view.js";
import { plainText } from "./markdown/plain-text.js";
import { MessageEditing } from "./message-editing.js";
import { createSurroundings } from "./message-surroundings.js";
import { showTime } from "./message-time.js";
import { createText } from "./painted-text.js";
import { QuestionParts } from "./question-parts.js";
import { ToolParts } from "./tool-parts.js";

/** @typedef {import("../chat/presenting.js").ActionName} ActionName */
/** @typedef {import("../chat/presenting.js").OfferName} OfferName */
/** @typedef {import("../chat/presenting.js").Shown} Shown */
/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/** @typedef {import("../ui/frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./message-editing.js").AnswerEdit} AnswerEdit */
/** @typedef {import("../protocol/messages.js").ToolCall} ToolCall */
/** @typedef {{openFile: (file: MessageFile) => void, openMenu: import("./message-actions.js").OpenMenu}} Openers */
/** @typedef {import("../words/status-line.js").StatusLine} StatusLine */
/**
 * @typedef {object} MessageDelegate
 * @property {(name: ActionName, message: string) => void} messageActed
 * @property {(name: OfferName, message: string) => void} messageOffered
 * @property {(message: string, results: import("../protocol/messages.js").ToolResult[]) => void} [resultsGiven]
 * @property {(message: string, text: string) => void} messageEdited a question
 * @property {(message: string, edit: AnswerEdit) => Promise<boolean>} [answerEdited] false if the text was not saved
 */

/** @typedef {import("./message-surroundings.js").Surroundings} Surroundings */
/** @typedef {import("./painted-text.js").PaintedText} PaintedText */
/** Most text painted in one turn, in UTF-16 units. The rest is painted in the next turns. */
const PIECE = 4000;
/** Most text painted in a pause between frames, in UTF-16 units: a pause is shorter than a frame. */
const IDLE_PIECE = 500;

export class MessageView {
  #batcher;
  #delegate;
  #openers;
  #textElement;
  /** @type {QuestionParts | null} null for an answer */
  #question = null;
  /** @type {Surroundings | null} null until the message is rendered */
  #around = null;
  /** @type {PaintedText | null} the rendered text; null until the message is rendered */
  #painted = null;
  #text = "";
  #unpainted = "";
  #isReplaced = false;
  #isFinished = false;
  /**
   * True if the painted text is closed. If an answer is continued, its text is painted again: it may have stopped
   * anywhere.
   */
  #isClosed = false;
  /** @type {Shown} */
  #shown;
  #hasStatus = false;
  #editing;
  #tools;

  /**
   * @param {DocumentFragment} content copy of the page's template for this role
   * @param {Shown} shown
   * @param {FrameBatcher} batcher
   * @param {MessageDelegate} delegate
   * @param {Openers} openers
   */
  constructor(content, shown, batcher, delegate, openers) {
    this.#openers = openers;
    this.#batcher = batcher;
    this.#delegate = delegate;
    this.#shown = shown;
    this.element = find(content, ".message");
    this.element.dataset.message = shown.id;
    this.body = find(content, "article");
    this.#textElement = find(content, ".message-text");
    this.#textElement.textContent = shown.role === "tool" ? "" : shown.text; // A result is folded, and may be long.
    this.#tools = new ToolParts(this.body, this.#textElement, (results) => delegate.resultsGiven?.(shown.id, results));
    this.#tools.showCalls(shown.calls ?? [], shown.isGrowing);
    this.#text = shown.text;
    if (shown.role === "user") this.#question = new QuestionParts(this.body, openers.openFile);
    this.#question?.show(shown.text, shown.files ?? []);
    this.#editing = new MessageEditing(this.element, this.body, delegate, openers.openFile);
    showBoundary(this.element, shown.boundary ?? null, () => delegate.messageOffered("unsummarize", shown.id));
  }

  get id() {
    return this.#shown.id;
  }

  get role() {
    return this.#shown.role;
  }

  /** Text of an answer as the page shows it, without Markdown marks. */
  get plainText() {
    return this.#painted ? plainText(this.#textElement) : this.#text;
  }

  /** True if the whole text has been rendered. */
  get isPainted() {
    return this.#painted !== null && this.#unpainted === "";
  }

  /** Text of the message, and its calls. */
  get searchedElements() {
    return [this.#textElement, ...this.#tools.callElements];
  }

  get isEditing() {
    return this.#editing.isOpen;
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    showBoundary(this.element, shown.boundary ?? null, () => this.#delegate.messageOffered("unsummarize", shown.id));
    this.#showText(shown.text);
    this.#tools.showCalls(shown.calls ?? [], shown.isGrowing);
    this.#showThinkingTimes();
    this.#question?.show(shown.text, shown.files ?? []);
    if (!this.#around) return;
    if (!shown.isGrowing) this.#isFinished = true;
    this.#showAround(this.#around);
    this.#batcher.schedule(this);
  }

  /** @param {string} text */
  append(text) {
    this.#text += text;
    this.#unpainted += text;
    this.#batcher.schedule(this);
  }

  /**
   * Show a text that has usually only grown.
   * @param {string} text the whole text
   * @returns {string} what was added; "" if the text is another one
   */
  growTo(text) {
    const added = text.startsWith(this.#text) ? text.slice(this.#text.length) : "";
    this.#showText(text);
    return added;
  }

  /** Replace the text. @param {string} text the whole text */
  rewrite(text) {
    this.#showText(text);
  }

  /** @param {ToolCall[]} calls of an answer that is being written */
  showCalls(calls) {
    this.#tools.showCalls(calls, true);
  }

  /** @param {StatusLine | null} line */
  showStatus(line) {
    this.#hasStatus = true;
    this.#around?.status.set(line);
    this.#batcher.schedule(this);
  }

  /** Render the message, because it is in or near the viewport. */
  comeNear() {
    if (this.isPainted) return;
    this.#rendered();
    this.paint();
    this.#batcher.schedule(this);
  }

  /**
   * Render another piece of the message in a pause between frames.
   * @returns {boolean} true if the message is complete
   */
  prepare() {
    if (!this.#painted) {
      this.#rendered(); // The buttons fill this piece; the text follows in the next.
      return false;
    }
    this.#paintText(this.#painted, IDLE_PIECE);
    if (this.isPainted) this.#around?.status.paint(false);
    return this.isPainted;
  }

  /** Render the whole message now, before the page is printed. */
  prepareWhole() {
    this.#paintText(this.#rendered(), Infinity);
    this.#around?.status.paint(false);
  }

  /**
   * Replace the unformatted text.
   * @returns {PaintedText} the rendered text, created on the first call
   */
  #rendered() {
    if (this.#painted) return this.#painted;
    this.#textElement.replaceChildren();
    this.#painted = createText(this.#shown, this.#textElement);
    this.#showThinkingTimes();
    this.#isReplaced = false;
    this.#unpainted = this.#text;
    this.#isFinished = !this.#shown.isGrowing;
    this.#around = createSurroundings(this, this.#batcher, this.#delegate, this.#openers.openMenu);
    this.#showAround(this.#around);
    return this.#painted;
  }

  /** Show for a moment that the action is done. @param {ActionName} name */
  confirm(name) {
    this.#around?.actions.confirm(name);
  }

  /** Show the whole text of a long question. */
  unfold() {
    this.#question?.unfold();
  }

  /**
   * Create the view of this answer's tokens.
   * @param {import("../conversations/answer-tokens.js").AnswerTokens} tokens
   * @param {import("./explore/explore-view.js").ExploreDelegate} delegate
   */
  explore(tokens, delegate) {
    const frame = this.body.closest(".viewport") ?? document.documentElement;
    return new ExploreView({ article: this.body, text: this.#textElement, frame, source: () => this.#text }, tokens, delegate);
  }

  /** Open the editor in the message's place. */
  edit() {
    this.#editing.open(this.#shown, this.#text);
  }

  /** Called by the batcher. */
  paint() {
    if (this.#painted) this.#paintText(this.#painted, PIECE);
    else if (this.#unpainted !== "" || this.#isReplaced) this.#paintBare();
    const isBehind = this.#painted !== null && this.#unpainted !== "";
    if (isBehind) this.#batcher.schedule(this);
    this.#around?.status.paint(isBehind);
  }

  /** @param {Surroundings} around */
  #showAround({ status, offers, actions, time }) {
    const shown = this.#shown;
    this.#hasStatus ||= shown.line !== null;
    if (this.#hasStatus) status.set(shown.line);
    offers.show(shown.offers);
    this.#tools.showForm(shown.wanted);
    this.element.dataset.branches = String(shown.branch.count);
    showTime(time, shown.at);
    actions.show(shown.actions, shown.branch);
  }

  #showThinkingTimes() {
    const { thoughts, isGrowing } = this.#shown;
    if (this.#painted instanceof MarkdownText) this.#painted.tellThoughts(thoughts, !isGrowing);
  }

  /** @param {string} text */
  #showText(text) {
    if (text === this.#text) return;
    if (text.startsWith(this.#text)) return this.append(text.slice(this.#text.length));
    this.#isReplaced = true;
    this.#text = text;
    this.#unpainted = text;
    this.#batcher.schedule(this);
  }

  #paintBare() {
    if (this.role !== "tool") this.#textElement.textContent = this.#text;
    this.#unpainted = "";
    this.#isReplaced = false;
  }

  /**
   * @param {PaintedText} painted
   * @param {number} most length to paint, in UTF-16 units
   */
  #paintText(painted, most) {
    if (this.#isClosed && this.#unpainted !== "") {
      this.#isReplaced = true;
      this.#unpainted = this.#text;
    }
    if (this.#isReplaced) painted.clear();
    this.#isReplaced = this.#isClosed = false;
    const piece = this.#unpainted.slice(0, wholeCharacters(this.#unpainted, most));
    this.#unpainted = this.#unpainted.slice(piece.length);
    if (piece !== "") painted.append(piece);
    if (!this.#isFinished || this.#unpainted !== "") return;
    this.#isFinished = false;
    this.#isClosed = true;
    painted.finish();
  }
}
