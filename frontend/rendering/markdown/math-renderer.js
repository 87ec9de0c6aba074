/** Makes formulas of TeX with KaTeX, which is loaded with the first one. Without it the TeX stays as it is written. */

import { ROOT_PATH } from "../../root-path.js";

/** @typedef {import("./idle-queue.js").IdleQueue} IdleQueue */
/** @typedef {{render: (tex: string, element: HTMLElement, options: object) => void}} Katex */

const FOLDER = `${ROOT_PATH}/static/vendor/katex/`;
const MODULE = `${FOLDER}katex.mjs`;
const CHEMISTRY = `${FOLDER}contrib/mhchem.mjs`;
const STYLE = `${FOLDER}katex.min.css`;
/** Commands of mhchem, which adds them to KaTeX. */
const CHEMICAL = /\\(?:ce|pu)(?![a-zA-Z])/;
/** No links, classes or images from a formula, and an end to its macros and sizes (in em). */
const OPTIONS = { throwOnError: true, trust: false, strict: "ignore", maxExpand: 1000, maxSize: 20 };

export class MathRenderer {
  #queue;
  #load;
  #loadChemistry;
  /** @type {Katex | null} once it is loaded */
  #katex = null;
  /** @type {Promise<Katex | null> | null} */
  #loading = null;
  /** @type {Promise<unknown> | null} */
  #loadingChemistry = null;

  /**
   * @param {IdleQueue} queue
   * @param {() => Promise<Katex>} [load]
   * @param {() => Promise<unknown>} [loadChemistry] with the first formula of chemistry
   */
  constructor(queue, load = loadKatex, loadChemistry = () => import(CHEMISTRY)) {
    this.#queue = queue;
    this.#load = load;
    this.#loadChemistry = loadChemistry;
  }

  /**
   * @param {HTMLElement} element has the source until then, and keeps it where that is no TeX
   * @param {string} tex
   * @param {boolean} isDisplay
   */
  async render(element, tex, isDisplay) {
    const katex = this.#katex ?? (await this.#loaded());
    if (katex && CHEMICAL.test(tex)) await (this.#loadingChemistry ??= this.#loadChemistry().catch(() => null));
    if (katex) this.#queue.add(() => paint(katex, element, tex, isDisplay));
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
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = STYLE;
  document.head.append(style);
  await new Promise((resolve, reject) => {
    style.addEventListener("load", resolve);
    style.addEventListener("error", reject);
  });
}
