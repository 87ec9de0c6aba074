/** How long the frames of a page work. */

/** @typedef {{frames: number[], longFrames: string[]}} Noted milliseconds, and what is to be said of each one over 50 ms */

/**
 * @param {number[]} frames milliseconds
 * @returns {string}
 */
export function describeFrames(frames) {
  const sorted = frames.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.toFixed(1);
  const late = frames.filter((each) => each > 50).length;
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ${late} of ${frames.length} over 50 ms`;
}

/**
 * Runs in the page before anything else: notes in `noted` how long each frame worked, from its callbacks to behind its layout and paint,
 * and what the browser itself says of those over 50 ms.
 */
export function noteFrames() {
  const noted = /** @type {Noted} */ ({ frames: [], longFrames: [] });
  Object.assign(window, { noted });
  // The type of an entry: https://w3c.github.io/long-animation-frames/
  new PerformanceObserver((list) => {
    for (const each of /** @type {any[]} */ (list.getEntries())) {
      const end = each.startTime + each.duration;
      const scripts = each.scripts.map((/** @type {any} */ { invoker, duration, forcedStyleAndLayoutDuration }) =>
        `${invoker} ${duration.toFixed(0)} (layout in it ${forcedStyleAndLayoutDuration.toFixed(0)})`);
      const [task, callbacks, paint] = [each.renderStart - each.startTime, each.styleAndLayoutStart - each.renderStart, end - each.styleAndLayoutStart];
      const parts = `tasks ${task.toFixed(0)}, callbacks ${callbacks.toFixed(0)}, layout and paint ${paint.toFixed(0)}`;
      noted.longFrames.push(`at ${(each.startTime / 1000).toFixed(1)} s ${each.duration.toFixed(0)} ms: ${parts}; ${scripts.join(", ")}`);
    }
  }).observe({ type: "long-animation-frame", buffered: true });
  const channel = new MessageChannel();
  let start = 0;
  channel.port1.onmessage = () => noted.frames.push(performance.now() - start);
  const tick = () => {
    start = performance.now();
    channel.port2.postMessage(null);
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
