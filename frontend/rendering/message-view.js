/**
 * One message on the page. Until it comes near what the reader sees it is its bare text, without buttons; that makes a
 * long conversation quick to open, and it can be searched all the same.
 */

import { showBoundary } from "./boundary-view.js";
import { find } from "./elements.js";
import { GrowingText } from "./growing-text.js";
import { MarkdownText } from "./markdown-text.js";
import { wholeCharacters } from "./markdown/paragraph-view.js";
import { plainText } from "./markdown/plain-text.js";
import { MessageActions, offerButton } from "./message-actions.js";
import { MessageEditor } from "./message-editor.js";
import { QuestionParts } from "./question-parts.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/** @typedef {import("../conversations/presenting.js").ActionName} ActionName */
/** @typedef {import("../conversations/presenting.js").OfferName} OfferName */
/** @typedef {import("../conversations/presenting.js").Shown} Shown */
/** @typedef {import("./frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./status-line.js").StatusLine} StatusLine */
/**
 * @typedef {object} MessageDelegate
 * @property {(name: ActionName, message: string) => void} messageActed
 * @property {(name: OfferName, message: string) => void} messageOffered
 * @property {(message: string, text: string) => void} messageEdited
 */

/**
 * What stands around the text.
 * @typedef {object} Surroundings
 * @property {HTMLElement} foot
 * @property {HTMLElement} offers
 * @property {MessageActions} actions
 */

/** How much text is painted at a time, in UTF-16 units: what is more waits for the next turn. */
const PIECE = 4000;
/** How long figures stand before they change, in milliseconds: nobody reads them faster. */
const FIGURES_MS = 200;

export class MessageView {
  #batcher;
  #delegate;
  #openFile;
  #textElement;
  /** @type {QuestionParts | null} null for an answer */
  #question = null;
  /** @type {Surroundings | null} null while the text stands there bare */
  #around = null;
  /** @type {GrowingText | MarkdownText | null} the text as it is painted; null while it stands there bare */
  #painted = null;
  #text = "";
  #unpainted = "";
  #isReplaced = false;
  #isFinished = false;
  /** Whether the painted text is closed: an answer that is continued is painted anew, since it may stop anywhere. */
  #isClosed = false;
  /** @type {Shown} */
  #shown;
  /** @type {StatusLine | null} */
  #nextStatus = null;
  #hasStatus = false;
  #statusWords = "";
  #statusShownAt = 0;
  #isWaitingForFigures = false;
  #offered = "[]";
  /** @type {MessageEditor | null} */
  #editor = null;

  /**
   * @param {DocumentFragment} content a fresh copy of the page's template for messages of this role
   * @param {Shown} shown
   * @param {FrameBatcher} batcher
   * @param {MessageDelegate} delegate
   * @param {(file: MessageFile) => void} openFile
   */
  constructor(content, shown, batcher, delegate, openFile) {
    this.#batcher = batcher;
    this.#delegate = delegate;
    this.#openFile = openFile;
    this.#shown = shown;
    this.element = find(content, ".message");
    this.element.dataset.message = shown.id;
    this.body = find(content, "article");
    this.#textElement = find(content, ".message-text");
    this.#textElement.textContent = shown.text;
    this.#text = shown.text;
    if (shown.role === "user") this.#question = new QuestionParts(this.body, openFile);
    this.#question?.show(shown.text, shown.files ?? []);
    showBoundary(this.element, shown.boundary ?? null);
  }

  get id() {
    return this.#shown.id;
  }

  get role() {
    return this.#shown.role;
  }

  /** What the reader sees of an answer, without marks. */
  get plainText() {
    return this.#painted ? plainText(this.#textElement) : this.#text;
  }

  /** Whether all of its text is on the page as it will look. */
  get isPainted() {
    return this.#painted !== null && this.#unpainted === "";
  }

  get textElement() {
    return this.#textElement;
  }

  get isEditing() {
    return this.#editor !== null;
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    showBoundary(this.element, shown.boundary ?? null);
    this.#showText(shown.text);
    this.#tellThoughts();
    this.#question?.show(shown.text, shown.files ?? []);
    if (!this.#around) return;
    if (!shown.isGrowing) this.#finish();
    this.#showAround(this.#around);
  }

  /** @param {string} text */
  append(text) {
    this.#text += text;
    this.#unpainted += text;
    this.#batcher.schedule(this);
  }

  /** @param {string} text all of it */
  rewrite(text) {
    this.#showText(text);
  }

  /** @param {StatusLine | null} line */
  showStatus(line) {
    this.#hasStatus = true;
    this.#nextStatus = line ?? { tone: "quiet", text: "" };
    this.#batcher.schedule(this);
  }

  /** The reader may see it soon, or does already. */
  comeNear() {
    if (this.#painted) return;
    this.#textElement.replaceChildren();
    this.#painted = new (this.role === "assistant" ? MarkdownText : GrowingText)(this.#textElement);
    this.#tellThoughts();
    this.#isReplaced = false;
    this.#unpainted = this.#text;
    this.#isFinished = !this.#shown.isGrowing;
    this.#around = this.#surroundings();
    this.#showAround(this.#around);
    this.paint();
    this.#batcher.schedule(this);
  }

  /** Says for a moment that it has been done. @param {ActionName} name */
  confirm(name) {
    this.#around?.actions.confirm(name);
  }

  /** Shows all of a long question. */
  unfold() {
    this.#question?.unfold();
  }

  /** Has the reader write it anew. */
  edit() {
    if (this.#editor) return this.#editor.focus();
    this.#editor = new MessageEditor({ words: this.#text, files: this.#shown.files ?? [] }, {
      editorSent: (text) => this.#edited(text),
      editorClosed: () => this.#closeEditor(),
      editorOpenedFile: this.#openFile,
    });
    this.element.dataset.editing = "";
    this.body.append(this.#editor.element);
    this.#editor.focus();
  }

  /** Called by the batcher. */
  paint() {
    if (this.#painted) this.#paintText(this.#painted);
    else if (this.#unpainted !== "" || this.#isReplaced) this.#paintBare();
    const isBehind = this.#painted !== null && this.#unpainted !== "";
    if (isBehind) this.#batcher.schedule(this);
    // That it is done shows when all of it is there.
    if (!this.#around || !this.#nextStatus || (isBehind && this.#nextStatus.tone !== "busy")) return;
    if (this.#isTooSoon(this.#nextStatus)) return this.#waitForFigures();
    this.#paintStatus(this.#around, this.#nextStatus);
    this.#nextStatus = null;
  }

  /** @returns {Surroundings} */
  #surroundings() {
    const act = (/** @type {ActionName} */ name) => this.#delegate.messageActed(name, this.id);
    return {
      foot: find(this.body, ".message-foot"),
      offers: find(this.body, ".offers"),
      actions: new MessageActions(find(this.body, ".actions"), act),
    };
  }

  /** @param {Surroundings} around */
  #showAround({ offers, actions }) {
    const shown = this.#shown;
    if (shown.line || this.#hasStatus) this.showStatus(shown.line);
    this.#offer(offers, shown.offers);
    this.element.dataset.branches = String(shown.branch.count);
    actions.show(shown.actions, shown.branch);
  }

  /** Whether only the figures are others than those that have just been shown. @param {StatusLine} line */
  #isTooSoon(line) {
    const words = line.text.replace(/[\d.,]+/g, "");
    const isSame = words === this.#statusWords && line.tone === "busy" && !line.progress;
    const now = performance.now();
    if (isSame && now - this.#statusShownAt < FIGURES_MS) return true;
    this.#statusWords = words;
    this.#statusShownAt = now;
    return false;
  }

  #waitForFigures() {
    if (this.#isWaitingForFigures) return;
    this.#isWaitingForFigures = true;
    setTimeout(() => {
      this.#isWaitingForFigures = false;
      this.#batcher.schedule(this);
    }, FIGURES_MS);
  }

  #tellThoughts() {
    const { thoughts, isGrowing } = this.#shown;
    if (this.#painted instanceof MarkdownText) this.#painted.tellThoughts(thoughts, !isGrowing);
  }

  /** No more text will come, for now. */
  #finish() {
    this.#isFinished = true;
    this.#batcher.schedule(this);
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
    this.#textElement.textContent = this.#text;
    this.#unpainted = "";
    this.#isReplaced = false;
  }

  /** @param {GrowingText | MarkdownText} painted */
  #paintText(painted) {
    if (this.#isClosed && this.#unpainted !== "") {
      this.#isReplaced = true;
      this.#unpainted = this.#text;
    }
    if (this.#isReplaced) painted.clear();
    this.#isReplaced = this.#isClosed = false;
    const piece = this.#unpainted.slice(0, wholeCharacters(this.#unpainted, PIECE));
    this.#unpainted = this.#unpainted.slice(piece.length);
    if (piece !== "") painted.append(piece);
    if (!this.#isFinished || this.#unpainted !== "") return;
    this.#isFinished = false;
    this.#isClosed = true;
    painted.finish();
  }

  /**
   * @param {Surroundings} around
   * @param {StatusLine} line
   */
  #paintStatus({ foot }, { tone, text, progress }) {
    const status = foot.querySelector(".status");
    if (!(status instanceof HTMLElement)) return;
    this.body.ariaBusy = String(tone === "busy");
    status.dataset.tone = tone;
    find(status, ".status-text").textContent = text;
    const bar = /** @type {HTMLProgressElement} */ (find(status, "progress"));
    bar.hidden = !progress;
    if (!progress) return;
    bar.max = progress.max;
    bar.value = progress.value;
  }

  /**
   * @param {HTMLElement} element
   * @param {OfferName[]} offers
   */
  #offer(element, offers) {
    const offered = JSON.stringify(offers);
    if (offered === this.#offered) return;
    this.#offered = offered;
    element.hidden = offers.length === 0;
    const accept = (/** @type {OfferName} */ name) => this.#delegate.messageOffered(name, this.id);
    element.replaceChildren(...offers.map((name) => offerButton(name, accept)));
  }

  /** @param {string} text */
  #edited(text) {
    this.#closeEditor();
    this.#delegate.messageEdited(this.id, text);
  }

  #closeEditor() {
    this.#editor?.element.remove();
    this.#editor = null;
    delete this.element.dataset.editing;
    this.body.focus();
  }
}
