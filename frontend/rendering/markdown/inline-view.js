/**
 * The inline content of one block on the page: one node for each token. When the text grows, nodes whose token is the
 * same stay, and a text that only got longer is added to: so a selection in it survives.
 */

import { parseInline } from "./inline-parser.js";
import { linkElement, safeAddress, setLink } from "./safe-links.js";

/** @typedef {import("./inline-parser.js").InlineToken} InlineToken */
/** @typedef {import("./inline-parser.js").ImageToken} ImageToken */
/** @typedef {import("./inline-parser.js").LinkToken} LinkToken */
/** @typedef {import("./inline-parser.js").MathToken} MathToken */
/** @typedef {import("./inline-parser.js").Known} Known */
/** @typedef {import("./entities.js").Entities} Entities */
/** @typedef {import("./outline.js").Outline} Outline */
/** @typedef {import("./references.js").References} References */
/** @typedef {InlineToken | {type: "task", isDone: boolean}} ShownToken */
/** @typedef {{render: (element: HTMLElement, tex: string, isDisplay: boolean) => void}} MathPainter */
/**
 * What all blocks of one answer share.
 * @typedef {object} Answer
 * @property {References} references
 * @property {Outline} outline
 * @property {() => number} now milliseconds
 * @property {Entities} entities
 * @property {MathPainter} math
 * @property {{paint: (code: HTMLElement, language: string) => void}} highlighting
 */

export class InlineView {
  #element;
  #answer;
  #known;
  /** @type {ShownToken[]} */
  #shown = [];
  /** @type {Set<string>} labels without a definition; "&" for names that are not known */
  #waited = new Set();
  #again = () => {};

  /**
   * @param {Element} element
   * @param {Answer} answer
   */
  constructor(element, answer) {
    this.#element = element;
    this.#answer = answer;
    this.#known = this.#knownTo();
  }

  /**
   * @param {string} text
   * @param {boolean} isOpen whether more may follow
   * @param {ShownToken[]} [before] what stands before it
   */
  show(text, isOpen, before = []) {
    this.#again = () => this.show(text, isOpen, before);
    const tokens = [...before, ...parseInline(text, isOpen, this.#known)];
    this.#change(this.#element, this.#shown, tokens);
    this.#shown = tokens;
  }

  /** What is not known now may be known later: then the text is shown again. @returns {Known} */
  #knownTo() {
    const { references, entities } = this.#answer;
    return {
      definition: (label) => references.find(label) ?? this.#waitFor(label),
      named: (name) => {
        const literal = entities.find(name);
        if (literal === undefined && !this.#waited.has("&")) {
          this.#waited.add("&");
          entities.whenComplete(() => this.#again());
        }
        return literal;
      },
    };
  }

  /** @param {string} label */
  #waitFor(label) {
    if (!this.#waited.has(label)) {
      this.#waited.add(label);
      this.#answer.references.wait(label, () => this.#again());
    }
    return null;
  }

  /**
   * The same content in another element.
   * @param {Element} element
   */
  moveTo(element) {
    element.append(...this.#element.childNodes);
    this.#element = element;
  }

  /**
   * @param {Element} parent has a node for each of the old tokens
   * @param {ShownToken[]} old
   * @param {ShownToken[]} tokens
   */
  #change(parent, old, tokens) {
    let kept = 0;
    while (kept < old.length && kept < tokens.length && this.#keep(parent, kept, old, tokens)) kept += 1;
    while (parent.childNodes.length > kept) parent.lastChild?.remove();
    for (const token of tokens.slice(kept)) parent.append(this.#node(token));
  }

  /**
   * @param {Element} parent
   * @param {number} index
   * @param {ShownToken[]} old
   * @param {ShownToken[]} tokens
   * @returns {boolean} whether the node could be kept
   */
  #keep(parent, index, old, tokens) {
    const [before, now] = [old[index], tokens[index]];
    const node = parent.childNodes[index];
    if (!before || !now || !node || before.type !== now.type) return false;
    if (now.type === "text" && before.type === "text") return keepText(/** @type {Text} */ (node), before.text, now.text);
    if ((now.type === "em" || now.type === "strong" || now.type === "del" || now.type === "link") && "children" in before) {
      if (now.type === "link" && !keepLink(/** @type {Element} */ (node), /** @type {LinkToken} */ (before), now)) return false;
      this.#change(/** @type {Element} */ (node), before.children, now.children);
      return true;
    }
    if (now.type === "math" && before.type === "math" && now.isOpen && before.isOpen) {
      return keepText(/** @type {Text} */ (node.firstChild), before.source, now.source);
    }
    return JSON.stringify(before) === JSON.stringify(now);
  }

  /**
   * @param {ShownToken} token
   * @returns {Node}
   */
  #node(token) {
    switch (token.type) {
      case "text":
        return document.createTextNode(token.text);
      case "code":
        return element("code", "", token.text);
      case "break":
        return document.createElement("br");
      case "em":
      case "strong":
      case "del":
        return this.#filled(document.createElement(token.type), token.children);
      case "link":
        return this.#link(token);
      case "image":
        return image(token);
      case "math":
        return this.#math(token);
      case "footnote":
        return element("sup", "footnote-mark", token.label);
      case "task":
        return checkbox(token.isDone);
    }
  }

  /**
   * @template {Element} T
   * @param {T} parent
   * @param {InlineToken[]} tokens
   */
  #filled(parent, tokens) {
    for (const token of tokens) parent.append(this.#node(token));
    return parent;
  }

  /** @param {LinkToken} token */
  #link({ href, title, children, isOpen }) {
    if (isOpen) return this.#filled(document.createElement("a"), children);
    const address = safeAddress(href);
    if (address !== null) return this.#filled(linkElement(address, title), children);
    return unlinked(this.#filled(document.createElement("span"), children), href, title);
  }

  /** @param {MathToken} token */
  #math({ tex, isDisplay, source, isOpen }) {
    const formula = element("span", isDisplay ? "math math-source math-display" : "math math-source", source);
    if (!isOpen) this.#answer.math.render(formula, tex, isDisplay);
    return formula;
  }
}

/**
 * @param {Text} node
 * @param {string} before
 * @param {string} now
 */
function keepText(node, before, now) {
  if (now.startsWith(before)) {
    if (now.length > before.length) node.appendData(now.slice(before.length));
  } else node.data = now;
  return true;
}

/**
 * A link that had no end gets where it leads to.
 * @param {Element} node
 * @param {LinkToken} before
 * @param {LinkToken} now
 * @returns {boolean} whether the node is that of the link now
 */
function keepLink(node, before, now) {
  if (before.isOpen && now.isOpen) return true;
  const address = now.isOpen ? null : safeAddress(now.href);
  if (before.isOpen && address !== null) setLink(node, address, now.title);
  return address !== null && (before.isOpen || (before.href === now.href && before.title === now.title));
}

/**
 * A link to it: the page fetches nothing from elsewhere.
 * @param {ImageToken} token
 */
function image({ href, title, alt, isInLink }) {
  const address = safeAddress(href);
  const name = alt.trim() || title || "Image";
  if (isInLink) return element("span", "image-name", name);
  if (address === null || address.startsWith("mailto:")) return unlinked(element("span", "image-name", name), href, title);
  const link = linkElement(address, title || "Opens the image in a new tab");
  link.className = "image-link";
  link.append(name, element("span", "image-host", ` ${new URL(address).host}`));
  return link;
}

/**
 * What would be a link, with its address as text.
 * @param {HTMLElement} text
 * @param {string} href
 * @param {string} title
 */
function unlinked(text, href, title) {
  text.classList.add("unlinked");
  if (title !== "") text.setAttribute("title", title);
  if (href !== "") text.append(element("span", "unlinked-address", ` (${href})`));
  return text;
}

/** @param {boolean} isDone */
function checkbox(isDone) {
  const box = document.createElement("input");
  box.setAttribute("type", "checkbox");
  box.setAttribute("disabled", "");
  box.setAttribute("aria-label", isDone ? "Done" : "To do");
  if (isDone) box.setAttribute("checked", "");
  return box;
}

/**
 * @param {string} name
 * @param {string} className
 * @param {string} text
 */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  if (text !== "") made.append(text);
  return made;
}
