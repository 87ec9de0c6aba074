/** Work that may wait: done in the pauses between frames, a little at a time. Owns the list of what is left to do. */

/** How long it goes on at a stretch, in milliseconds: what it makes is laid out in the next frame, all of it at once. */
const STRETCH_MS = 4;
/** What must be left of a pause to begin another piece of work, in milliseconds. */
const LEAST_MS = 3;
/** How long work waits at most for a pause, in milliseconds; then it takes one stretch all the same. */
const LONGEST_WAIT_MS = 500;

/** @typedef {{timeRemaining: () => number, readonly didTimeout?: boolean}} Pause */

export class IdleQueue {
  #request;
  /** @type {(() => void)[]} */
  #jobs = [];
  #isWaiting = false;

  /** @param {(then: (pause: Pause) => void) => void} [request] calls back in the next pause */
  constructor(request = pauseWithin(LONGEST_WAIT_MS)) {
    this.#request = request;
  }

  /** @param {() => void} job a short piece of work */
  add(job) {
    this.#jobs.push(job);
    this.#wait();
  }

  /**
   * Do it now.
   * @param {number} [longest] milliseconds after which nothing more is begun
   */
  flush(longest = Infinity) {
    const end = performance.now() + longest;
    while (this.#jobs.length > 0 && performance.now() < end) this.#jobs.shift()?.();
  }

  #wait() {
    if (this.#isWaiting || this.#jobs.length === 0) return;
    this.#isWaiting = true;
    this.#request((pause) => this.#work(pause));
  }

  /** @param {Pause} pause */
  #work(pause) {
    this.#isWaiting = false;
    const end = performance.now() + STRETCH_MS;
    do this.#jobs.shift()?.();
    while (this.#jobs.length > 0 && performance.now() < end && (pause.didTimeout || pause.timeRemaining() > LEAST_MS));
    this.#wait();
  }
}

/**
 * @param {number} longest milliseconds after which there is a pause in any case
 * @returns {(then: (pause: Pause) => void) => void} calls back in the next pause
 */
export function pauseWithin(longest) {
  if ("requestIdleCallback" in globalThis) return (then) => void requestIdleCallback(then, { timeout: longest });
  return (then) => void setTimeout(() => {
    const end = performance.now() + STRETCH_MS + LEAST_MS;
    then({ timeRemaining: () => end - performance.now() });
  }, STRETCH_MS);
}
