/** Queue of work that is done in small pieces in the pauses between frames. Owns the waiting jobs. */

/** Longest uninterrupted work, in milliseconds. Its results are all laid out in the next frame. */
const STRETCH_MS = 4;
/** Shortest rest of a pause in which a job is started, in milliseconds. */
const LEAST_MS = 3;
/** Longest wait for a pause, in milliseconds. After that, work is done without one. */
const LONGEST_WAIT_MS = 500;

/** @typedef {{timeRemaining: () => number, readonly didTimeout?: boolean}} Pause */

export class IdleQueue {
  #request;
  /** @type {(() => void)[]} */
  #jobs = [];
  #isWaiting = false;
  #isHeld = false;

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
   * Run no jobs until the queue is released.
   * @param {boolean} isHeld false to release it
   */
  hold(isHeld) {
    this.#isHeld = isHeld;
    this.#wait();
  }

  /** Run all waiting jobs now, even if the queue is held. */
  flush() {
    while (this.#jobs.length > 0) this.#jobs.shift()?.();
  }

  #wait() {
    if (this.#isWaiting || this.#isHeld || this.#jobs.length === 0) return;
    this.#isWaiting = true;
    this.#request((pause) => this.#work(pause));
  }

  /** @param {Pause} pause */
  #work(pause) {
    this.#isWaiting = false;
    if (this.#isHeld) return;
    const end = performance.now() + STRETCH_MS;
    do this.#jobs.shift()?.();
    while (this.#jobs.length > 0 && performance.now() < end && (pause.didTimeout || pause.timeRemaining() > LEAST_MS));
    this.#wait();
  }
}

/**
 * @param {number} longest longest wait for a pause, in milliseconds
 * @returns {(then: (pause: Pause) => void) => void} calls back in the next pause
 */
export function pauseWithin(longest) {
  if ("requestIdleCallback" in globalThis) return (then) => void requestIdleCallback(then, { timeout: longest });
  return (then) => void setTimeout(() => {
    const end = performance.now() + STRETCH_MS + LEAST_MS;
    then({ timeRemaining: () => end - performance.now() });
  }, STRETCH_MS);
}
