/**
 * Colours code that is complete. A worker finds the colours, so that no pattern of any language can hold up the page;
 * it is started with the first code, and where it can't be or takes too long, the code stays as it is.
 */

import { element } from "./inline-view.js";

/** @typedef {import("./idle-queue.js").IdleQueue} IdleQueue */
/** @typedef {[text: string, className: string]} Run */
/** @typedef {{code: HTMLElement, language: string}} Job */
/** @typedef {{postMessage: (message: object) => void, terminate: () => void, onmessage: ((event: {data: any}) => void) | null,
 *   onerror: ((event: Event) => void) | null}} WorkerLike */

/** The longest code that is coloured, in UTF-16 units. */
const LONGEST = 30_000;
/** How long the worker may take for one, its start included, in milliseconds; and how often it may take longer. */
const PATIENCE_MS = 10_000;
const PATIENCE_COUNT = 3;

export class Highlighter {
  #queue;
  #start;
  /** @type {WorkerLike | null} */
  #worker = null;
  /** @type {Job[]} the first one is with the worker */
  #jobs = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;

  /**
   * @param {IdleQueue} queue
   * @param {() => WorkerLike} [start]
   */
  constructor(queue, start = startWorker) {
    this.#queue = queue;
    this.#start = start;
  }

  /**
   * Begins in the next pause: code of a message that is just being opened is not on the page before.
   * @param {HTMLElement} code complete, in chunks
   * @param {string} language
   */
  paint(code, language) {
    if ((code.textContent?.length ?? 0) > LONGEST || this.#failures >= PATIENCE_COUNT) return;
    this.#jobs.push({ code, language });
    if (this.#jobs.length === 1) this.#queue.add(() => this.#next());
  }

  #next() {
    const job = this.#jobs[0];
    if (!job) return;
    if (!job.code.isConnected) return this.#done(null);
    try {
      this.#worker ??= this.#started();
    } catch {
      return this.#failed();
    }
    this.#timer = setTimeout(() => this.#failed(), PATIENCE_MS);
    this.#worker.postMessage({ text: job.code.textContent, language: job.language });
  }

  #started() {
    const worker = this.#start();
    worker.onmessage = ({ data }) => this.#done(data);
    worker.onerror = () => this.#failed();
    return worker;
  }

  #failed() {
    this.#failures += 1;
    this.#worker?.terminate();
    this.#worker = null;
    if (this.#failures >= PATIENCE_COUNT) this.#jobs = [];
    this.#done(null);
  }

  /** @param {Run[] | null} runs */
  #done(runs) {
    clearTimeout(this.#timer);
    const job = this.#jobs.shift();
    if (job && runs) this.#colour(job.code, runs);
    this.#next();
  }

  /**
   * @param {HTMLElement} code
   * @param {Run[]} runs that make up its text
   */
  #colour(code, runs) {
    const rest = [...runs].reverse();
    for (const chunk of code.children) {
      const own = takeRuns(rest, chunk.textContent?.length ?? 0);
      this.#queue.add(() => replace(chunk, own));
    }
  }
}

/**
 * @param {Run[]} rest the last one comes first
 * @param {number} length
 */
function takeRuns(rest, length) {
  /** @type {Run[]} */
  const taken = [];
  for (let left = length; left > 0; ) {
    const run = rest.pop();
    if (!run) break;
    const [text, className] = run;
    taken.push([text.slice(0, left), className]);
    if (text.length > left) rest.push([text.slice(left), className]);
    left -= Math.min(left, text.length);
  }
  return taken;
}

/**
 * Leaves code alone that is being selected: replaced text would lose the selection.
 * @param {Element} chunk
 * @param {Run[]} runs
 */
function replace(chunk, runs) {
  const selection = document.getSelection?.();
  if (selection && !selection.isCollapsed && selection.containsNode(chunk, true)) return;
  chunk.replaceChildren(...runs.map(([text, className]) => (className === "" ? text : element("span", className, text))));
}

/** The one script address that the page makes at run time, under the one policy that the server allows. */
function startWorker() {
  const address = new URL("./highlight-worker.js", import.meta.url).href;
  const { trustedTypes } = /** @type {{trustedTypes?: {createPolicy: Function}}} */ (/** @type {unknown} */ (globalThis));
  const url = trustedTypes?.createPolicy("streamui-worker", { createScriptURL: () => address }).createScriptURL(address) ?? address;
  return /** @type {WorkerLike} */ (/** @type {unknown} */ (new Worker(url, { type: "module" })));
}
