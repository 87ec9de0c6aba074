/**
 * Syntax highlighting of complete code blocks. It runs in a worker, so that a slow pattern can't block the page. The
 * worker starts with the first code block. If it can't start or takes too long, the code stays without colours.
 */

import { element } from "./inline-view.js";

/** @typedef {import("./idle-queue.js").IdleQueue} IdleQueue */
/** @typedef {[text: string, className: string]} Run */
/** @typedef {{code: HTMLElement, language: string}} Job */
/** @typedef {{postMessage: (message: object) => void, terminate: () => void, onmessage: ((event: {data: any}) => void) | null,
 *   onerror: ((event: Event) => void) | null}} WorkerLike */

/** Longest code that is highlighted, in UTF-16 units. */
const LONGEST = 30_000;
/**
 * Time limit for one code block, including the worker's start, in milliseconds; and the number of failures after which
 * highlighting stops.
 */
const TIMEOUT_MS = 10_000;
const MOST_FAILURES = 3;

export class Highlighter {
  #queue;
  #start;
  /** @type {WorkerLike | null} */
  #worker = null;
  /** @type {Job[]} the first job is in the worker */
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
   * Highlight a code block in the next pause: a message that is being opened isn't in the page before.
   * @param {HTMLElement} code complete code, in chunks
   * @param {string} language
   */
  paint(code, language) {
    if ((code.textContent?.length ?? 0) > LONGEST || this.#failures >= MOST_FAILURES) return;
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
    this.#timer = setTimeout(() => this.#failed(), TIMEOUT_MS);
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
    if (this.#failures >= MOST_FAILURES) this.#jobs = [];
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
   * @param {Run[]} runs together the whole text of the code
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
 * @param {Run[]} rest in reverse order
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
 * Replace a chunk's text by coloured runs, unless text in it is selected: the selection would be lost.
 * @param {Element} chunk
 * @param {Run[]} runs
 */
function replace(chunk, runs) {
  const selection = document.getSelection?.();
  if (selection && !selection.isCollapsed && selection.containsNode(chunk, true)) return;
  chunk.replaceChildren(...runs.map(([text, className]) => (className === "" ? text : element("span", className, text))));
}

/**
 * Start the worker. Its address is the only script address that the page makes at run time, under the one policy that
 * the server allows.
 */
function startWorker() {
  const module = new URL("./highlight-worker.js", import.meta.url);
  const address = module.origin === location.origin ? module.href : importing(module.href);
  const { trustedTypes } = /** @type {{trustedTypes?: {createPolicy: Function}}} */ (/** @type {unknown} */ (globalThis));
  const url = trustedTypes?.createPolicy("streamui-worker", { createScriptURL: () => address }).createScriptURL(address) ?? address;
  return /** @type {WorkerLike} */ (/** @type {unknown} */ (new Worker(url, { type: "module" })));
}

/**
 * Return the address of a script that imports the module. A page of another origin can't start a worker with the
 * module's own address.
 * @param {string} module
 */
function importing(module) {
  return URL.createObjectURL(new Blob([`import ${JSON.stringify(module)};`], { type: "text/javascript" }));
}
