/**
 * View of the inline content of one block: one node for each token. When the text grows, nodes of unchanged tokens
 * stay, and a longer text is appended to its node, so that a selection is kept.
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
 * Objects that all blocks of one answer share.
 * @typedef {object} Answer
 * @property {References} references
 * @property {Outline} outline
 * @property {() => number} now clock in milliseconds
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
  /** @type {Set<string>} labels without a definition; "&" stands for unknown entity names */
  #unresolved = new Set();
  #again = () => {};

  /**
   * @param {Element} element
   * @param {Answer} answer
   */
  constructor(element, answer) {
    this.#element = element;
    this.#answer = answer;
    this.#known = this.#lookups();
  }

  /**
   * @param {string} text
   * @param {boolean} isOpen true if more text may follow
   * @param {ShownToken[]} [before] tokens before the text
   */
  show(text, isOpen, before = []) {
    this.#again = () => this.show(text, isOpen, before);
    const tokens = [...before, ...parseInline(text, isOpen, this.#known)];
    this.#change(this.#element, this.#shown, tokens);
    this.#shown = tokens;
  }

  /** Return lookups that show the text again once an unknown name becomes known. @returns {Known} */
  #lookups() {
    const { references, entities } = this.#answer;
    return {
      definition: (label) => references.find(label) ?? this.#waitFor(label),
      named: (name) => {
        const literal = entities.find(name);
        if (literal === undefined && !this.#unresolved.has("&")) {
          this.#unresolved.add("&");
          entities.whenComplete(() => this.#again());
        }
        return literal;
      },
    };
  }

  /** @param {string} label */
  #waitFor(label) {
    if (!this.#unresolved.has(label)) {
      this.#unresolved.add(label);
      this.#answer.references.wait(label, () => this.#again());
    }
    return null;
  }

  /**
   * Move the content to another element.
   * @param {Element} element
   */
  moveTo(element) {
    element.append(...this.#element.childNodes);
    this.#element = element;
  }

  /**
   * @param {Element} parent its children are the nodes of the old tokens
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
   * @returns {boolean} true if the node was kept
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
 * Set the address of a link that had no end before.
 * @param {Element} node
 * @param {LinkToken} before
 * @param {LinkToken} now
 * @returns {boolean} true if the node now shows the link
 */
function keepLink(node, before, now) {
  if (before.isOpen && now.isOpen) return true;
  const address = now.isOpen ? null : safeAddress(now.href);
  if (before.isOpen && address !== null) setLink(node, address, now.title);
  return address !== null && (before.isOpen || (before.href === now.href && before.title === now.title));
}

/**
 * Create a link to the image: the page loads nothing from other servers.
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
 * Show an unsafe link as text, with its address.
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
