/**
 * Renderer of TeX formulas with KaTeX, which is loaded with the first formula. If loading fails, the source is shown.
 */

import { ROOT_PATH } from "../../root-path.js";
import { create } from "../../ui/elements.js";

/** @typedef {import("./idle-queue.js").IdleQueue} IdleQueue */
/** @typedef {{render: (tex: string, element: HTMLElement, options: object) => void}} Katex */

const FOLDER = new URL(`${ROOT_PATH}/static/vendor/katex/`, import.meta.url).href;
const MODULE = `${FOLDER}katex.mjs`;
const CHEMISTRY = `${FOLDER}contrib/mhchem.mjs`;
const STYLE = `${FOLDER}katex.min.css`;
/** Commands of mhchem, an extension of KaTeX. */
const CHEMICAL = /\\(?:ce|pu)(?![a-zA-Z])/;
/** KaTeX options: no links, classes or images in formulas; limits for macro expansion and sizes (in em). */
const OPTIONS = { throwOnError: true, trust: false, strict: "ignore", maxExpand: 1000, maxSize: 20 };

export class MathRenderer {
  #queue;
  #load;
  #loadChemistry;
  /** @type {Katex | null} null until it is loaded */
  #katex = null;
  /** @type {Promise<Katex | null> | null} */
  #loading = null;
  /** @type {Promise<unknown> | null} */
  #loadingChemistry = null;
  /** @type {WeakSet<Node>} shadow trees that have the style sheet */
  #styled = new WeakSet();

  /**
   * @param {IdleQueue} queue
   * @param {() => Promise<Katex>} [load]
   * @param {() => Promise<unknown>} [loadChemistry] called with the first chemical formula
   */
  constructor(queue, load = loadKatex, loadChemistry = () => import(CHEMISTRY)) {
    this.#queue = queue;
    this.#load = load;
    this.#loadChemistry = loadChemistry;
  }

  /**
   * @param {HTMLElement} element contains the source, and keeps it if the source isn't valid TeX
   * @param {string} tex
   * @param {boolean} isDisplay
   */
  async render(element, tex, isDisplay) {
    const katex = this.#katex ?? (await this.#loaded());
    if (katex && CHEMICAL.test(tex)) await (this.#loadingChemistry ??= this.#loadChemistry().catch(() => null));
    if (!katex) return;
    this.#queue.add(() => {
      this.#addStyle(element.getRootNode());
      paint(katex, element, tex, isDisplay);
    });
  }

  /**
   * Add the style sheet to a shadow tree. It applies there only if the tree has it, and its fonts only if the document
   * has it too.
   * @param {Node} root
   */
  #addStyle(root) {
    if (!("host" in root) || this.#styled.has(root)) return;
    this.#styled.add(root);
    /** @type {ShadowRoot} */ (root).prepend(styleLink());
  }

  async #loaded() {
    this.#loading ??= this.#load().catch(() => null);
    return (this.#katex = await this.#loading);
  }
}

/**
 * @param {Katex} katex
 * @param {HTMLElement} element
 * @param {string} tex
 * @param {boolean} isDisplay
 */
function paint(katex, element, tex, isDisplay) {
  if (!element.isConnected) return;
  const formula = document.createElement("span");
  try {
    katex.render(tex, formula, { ...OPTIONS, displayMode: isDisplay });
  } catch {
    return;
  }
  element.classList.remove("math-source");
  element.replaceChildren(formula);
}

/** @returns {Promise<Katex>} */
async function loadKatex() {
  const [{ default: katex }] = await Promise.all([import(MODULE), loadStyle()]);
  return katex;
}

async function loadStyle() {
  const style = styleLink();
  document.head.append(style);
  await new Promise((resolve, reject) => {
    style.addEventListener("load", resolve);
    style.addEventListener("error", reject);
  });
}

/** Only with `crossorigin` does a page of another origin get the style sheet. */
function styleLink() {
  return create("link", { rel: "stylesheet", href: STYLE, crossorigin: "anonymous" });
}
