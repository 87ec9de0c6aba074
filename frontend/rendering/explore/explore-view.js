/**
 * Tokens of one answer, as places that can be hovered, tapped and walked with the arrow keys. The text itself stays as it
 * is: marks lie above it, and only for the tokens that are shown, however long the answer is. There is one tab stop, on
 * the token that was visited last.
 */

import { focusedIn } from "../../ui/focus.js";
import { tokenName } from "../../words/explore-words.js";
import { AlternativesView } from "./alternatives-view.js";
import { TokenMarks } from "./token-marks.js";
import { TokenPlaces } from "./token-places.js";

/** @typedef {import("../../conversations/answer-tokens.js").AnswerTokens} AnswerTokens */
/** @typedef {import("../../protocol/messages.js").Alternative} Alternative */
/**
 * @typedef {object} ExploreDelegate
 * @property {(index: number) => void} tokenChosen asks for the alternatives of a token
 * @property {(index: number, token: string) => void} alternativeChosen
 * @property {() => void} tokensWanted called when the user goes beyond the last known token
 * @property {() => void} exploreLeft by the user
 */
/**
 * @typedef {object} Explored
 * @property {HTMLElement} article
 * @property {HTMLElement} text
 * @property {Element} frame element that scrolls
 * @property {() => string} source the answer's whole text
 */

/** Probability below which a token is underlined, if it is known. */
const UNSURE = 0.5;
/** Width of the outline around a mark, in CSS pixels. */
const MARK = 4;
/** Number of steps to look for a line above or below, each of a part of a line's height. */
const LINE_STEPS = 8;
const LINE_PART = 0.5;
/** Elements in the text that keep their own clicks. */
const OWN_CLICKS = "button, summary, input";

export class ExploreView {
  #explored;
  #tokens;
  #delegate;
  #places;
  #marks;
  #alternatives;
  #observer = new AbortController();
  #resizes = new ResizeObserver(() => this.#placeAgain());
  /** Token that was visited last. */
  #index = -1;
  #hovered = -1;
  /** @type {Map<number, number>} known logprobs, by the index of their token */
  #logprobs = new Map();

  /**
   * @param {Explored} explored
   * @param {AnswerTokens} tokens
   * @param {ExploreDelegate} delegate
   */
  constructor(explored, tokens, delegate) {
    this.#explored = explored;
    this.#tokens = tokens;
    this.#delegate = delegate;
    this.#places = new TokenPlaces(explored.text, tokens, explored.source);
    this.#marks = new TokenMarks((index) => this.#places.boxesOf(index));
    this.#alternatives = new AlternativesView(
      explored.article,
      {
        alternativeChosen: (token) => delegate.alternativeChosen(this.#index, token),
        alternativesClosed: () => this.#alternativesClosed(),
      },
      () => this.#edges(),
    );
  }

  start() {
    const { article, text } = this.#explored;
    const { signal } = this.#observer;
    article.classList.add("is-exploring");
    this.#marks.appendTo(article);
    this.#places.start();
    this.#resizes.observe(text);
    text.addEventListener("click", (event) => this.#clicked(event), { signal, capture: true });
    text.addEventListener("pointermove", (event) => this.#pointed(event), { signal });
    text.addEventListener("pointerleave", () => this.#hoverOver(-1), { signal });
    document.addEventListener("scroll", () => this.#placeAgain(), { signal, capture: true, passive: true });
    this.#marks.layer.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.#visit(this.#firstInView());
  }

  stop() {
    const { article } = this.#explored;
    const hadFocus = this.#marks.layer.contains(focusedIn(article));
    this.#observer.abort();
    this.#resizes.disconnect();
    this.#places.stop();
    this.#alternatives.remove();
    this.#marks.remove();
    article.classList.remove("is-exploring");
    if (hadFocus) article.focus({ preventScroll: true });
  }

  /**
   * @param {Alternative[]} tokens at the token that was chosen last
   * @param {boolean} mayChoose whether the answer can be written again from another token
   */
  showAlternatives(tokens, mayChoose) {
    const own = tokens.find(({ chosen }) => chosen);
    if (own) this.#logprobs.set(this.#index, own.logprob);
    this.#alternatives.show(tokens, mayChoose);
    this.#drawUnsure();
    this.#marks.rename(this.#nameOf(this.#index));
  }

  /** Show why there are no alternatives. @param {string} words */
  showTrouble(words) {
    this.#alternatives.fail(words);
  }

  /** @returns {number} the first token that is in view as a whole */
  #firstInView() {
    const box = this.#explored.text.getBoundingClientRect();
    const { top, bottom } = this.#explored.frame.getBoundingClientRect();
    for (let y = Math.max(box.top, top) + 4; y < Math.min(box.bottom, bottom); y += 8) {
      for (let x = box.left + 2; x < box.right; x += 24) {
        const index = this.#places.indexAt(x, y);
        if (index !== -1 && this.#places.boxesOf(index).every((each) => each.top >= top + MARK)) return index;
      }
    }
    return 0;
  }

  /** Move to a token. @param {number} index */
  #visit(index) {
    if (index < 0 || index > this.#last) return;
    this.#index = index;
    this.#places.bringNear(index);
    this.#marks.visit(index, this.#nameOf(index));
  }

  /** Index of the last place: of a finished answer the one after its text. */
  get #last() {
    return this.#tokens.isFinished ? this.#tokens.count : this.#tokens.count - 1;
  }

  /** @param {number} index */
  #nameOf(index) {
    const { count } = this.#tokens;
    return tokenName(index, this.#tokens.textOf(index), { count, logprob: this.#logprobs.get(index) });
  }

  /** Ask for the alternatives of a token. @param {number} index */
  #choose(index) {
    this.#alternatives.close();
    this.#visit(index);
    this.#alternatives.open(this.#nameOf(index));
    this.#delegate.tokenChosen(index);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const { target, clientX, clientY } = event;
    if (target instanceof Element && target.closest(OWN_CLICKS)) return;
    if (document.getSelection()?.isCollapsed === false) return;
    event.preventDefault();
    const index = this.#places.indexAt(clientX, clientY);
    if (index !== -1) this.#choose(index);
    else this.#delegate.tokensWanted();
  }

  /** @param {PointerEvent} event */
  #pointed({ pointerType, clientX, clientY }) {
    if (pointerType !== "touch") this.#hoverOver(this.#places.indexAt(clientX, clientY));
  }

  /** @param {number} index -1 for none */
  #hoverOver(index) {
    if (index === this.#hovered) return;
    this.#hovered = index;
    this.#marks.drawHovered(index);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (!this.#acted(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} key @returns {boolean} whether the key has an effect here */
  #acted(key) {
    switch (key) {
      case "ArrowRight":
        return this.#step(1);
      case "ArrowLeft":
        return this.#step(-1);
      case "ArrowDown":
        return this.#stepLine(1);
      case "ArrowUp":
        return this.#stepLine(-1);
      case "Home":
        return this.#jump(0, 1);
      case "End":
        return this.#jump(this.#last, -1);
      case "Enter":
      case " ":
        this.#choose(this.#index);
        return true;
      case "Escape":
        this.#delegate.exploreLeft();
        return true;
      default:
        return false;
    }
  }

  /** @param {1 | -1} by */
  #step(by) {
    if (this.#index + by > this.#last) this.#delegate.tokensWanted();
    return this.#jump(this.#index + by, by);
  }

  /**
   * Move to a token, or to the next one that is not in a closed fold.
   * @param {number} index
   * @param {1 | -1} by
   */
  #jump(index, by) {
    let to = index;
    while (to >= 0 && to < this.#last && this.#places.isFolded(to)) to += by;
    this.#visit(to);
    return true;
  }

  /** Move to the token above or below. @param {1 | -1} by */
  #stepLine(by) {
    const box = this.#places.boxesOf(this.#index)[0];
    if (!box) return true;
    const x = box.left + box.width / 2;
    for (let step = 1; step <= LINE_STEPS; step += 1) {
      const y = box.top + box.height / 2 + by * (box.height / 2 + step * LINE_PART * box.height);
      const found = [x, x - 12, x + 12, x - 36, x + 36].map((each) => this.#places.indexAt(each, y)).find((index) => index !== -1 && index !== this.#index);
      if (found !== undefined) {
        this.#visit(found);
        return true;
      }
    }
    return true;
  }

  #alternativesClosed() {
    const active = focusedIn(this.#explored.article);
    if (!active || active === document.body || this.#explored.article.contains(active)) this.#marks.focus();
  }

  /** Edges of the visited token, for the list beside it. */
  #edges() {
    const boxes = this.#places.boxesOf(this.#index);
    const [first, last] = [boxes[0], boxes.at(-1)];
    if (!first || !last || last.top + last.height < 0 || first.top > window.innerHeight) return null;
    if (first.left + first.width < 0 || first.left > window.innerWidth) return null; // swiped away, with its column
    return { left: first.left, right: first.left + first.width, top: first.top, bottom: last.top + last.height };
  }

  /** Draw everything again after the text has moved. */
  #placeAgain() {
    this.#marks.drawVisited();
    this.#drawUnsure();
    this.#hoverOver(-1);
    this.#alternatives.place();
  }

  /** Underline the tokens that are known to be unlikely. */
  #drawUnsure() {
    this.#marks.drawUnsure([...this.#logprobs].filter(([, logprob]) => Math.exp(logprob) < UNSURE).map(([index]) => index));
  }
}
