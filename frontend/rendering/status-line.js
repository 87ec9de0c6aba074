/** Says in words and figures what an answer is doing, and how it ended. */

/** @typedef {import("../protocol/messages.js").Status} Status */
/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/messages.js").Failure} Failure */
/** @typedef {"busy" | "good" | "quiet" | "bad"} Tone */
/** @typedef {{tone: Tone, text: string, progress?: {value: number, max: number}}} StatusLine */

const figures = new Intl.NumberFormat("en");

/** @type {StatusLine} */
export const SENDING = { tone: "busy", text: "Sending…" };
/** @type {StatusLine} */
export const HELD = { tone: "busy", text: "Waiting for the connection, then it is sent" };
/** @type {StatusLine} */
export const DISCONNECTED = { tone: "busy", text: "Connection lost. The answer goes on once it is back" };
/** @type {StatusLine} */
export const RESUMING = { tone: "busy", text: "Reading on…" };
/** @type {StatusLine} */
export const STOPPING = { tone: "busy", text: "Stopping…" };
/** @type {StatusLine} */
export const LOST = { tone: "bad", text: "The rest is gone: the server no longer knows this answer" };

/**
 * @param {Status} status
 * @param {number} tokens received so far
 * @returns {StatusLine}
 */
export function describeStatus(status, tokens) {
  switch (status.state) {
    case "queued":
      return busy(join(queuePlace(status.position), remaining(status.eta_ms)));
    case "loading":
      return busy("Loading the model");
    case "prefill":
      return describeReading(status);
    default:
      return busy(join("Writing", speed(status.tokens_per_second), tokens > 0 ? count(tokens) : ""));
  }
}

/**
 * @param {Done} done
 * @returns {StatusLine}
 */
export function describeEnd(done) {
  const tokens = done.usage?.completion_tokens ?? 0;
  const figuresOfIt = done.usage ? [count(tokens), speed(averageSpeed(done))] : [];
  switch (done.reason) {
    case "stop":
      return { tone: "good", text: join("Done", ...figuresOfIt) };
    case "length":
      return { tone: "quiet", text: join("Reached the length limit", ...figuresOfIt) };
    case "cancelled":
      return { tone: "quiet", text: join(stoppedAfter(done.timings?.stop), tokens > 0 ? count(tokens) : "") };
    case "interrupted":
      return { tone: "bad", text: "Interrupted: the server was stopped while it wrote" };
    default:
      return describeFailure(done.error);
  }
}

/**
 * @param {Failure} [failure]
 * @returns {StatusLine}
 */
export function describeFailure(failure) {
  return { tone: "bad", text: `Failed: ${failure?.message ?? "the server gave no reason"}` };
}

/**
 * @param {StatusLine | null} line
 * @param {number} dropped how many messages of the conversation the model was not given
 * @returns {StatusLine | null}
 */
export function withDropped(line, dropped) {
  if (dropped === 0) return line;
  const words = dropped === 1 ? "1 earlier message left out" : `${figures.format(dropped)} earlier messages left out`;
  return { ...(line ?? { tone: "quiet" }), text: join(line?.text ?? "", words) };
}

/**
 * A short time for people, such as "12 ms", "1.4 s" or "2 min 5 s".
 * @param {number} ms
 */
export function duration(ms) {
  if (ms < 1) return "less than 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * @param {Status} status
 * @returns {StatusLine}
 */
function describeReading({ done, total }) {
  if (!total) return busy("Reading the prompt");
  const value = Math.min(done ?? 0, total);
  return {
    tone: "busy",
    text: `Reading the prompt ${figures.format(value)} / ${figures.format(total)}`,
    progress: { value, max: total },
  };
}

/** @param {number} [ahead] */
function queuePlace(ahead) {
  if (ahead === undefined) return "Queued";
  return ahead > 0 ? `Queued, ${figures.format(ahead)} ahead` : "Queued, next in line";
}

/** @param {number} [ms] */
function remaining(ms) {
  return ms === undefined || ms === null ? "" : `about ${duration(Math.max(1000, Math.round(ms / 1000) * 1000))}`;
}

/** @param {number} [ms] */
function stoppedAfter(ms) {
  return ms === undefined || ms === null ? "Stopped" : `Stopped after ${duration(ms)}`;
}

/** @param {number} tokens */
function count(tokens) {
  return tokens === 1 ? "1 token" : `${figures.format(tokens)} tokens`;
}

/** @param {number | undefined} perSecond */
function speed(perSecond) {
  if (!perSecond) return "";
  return perSecond < 10 ? `${perSecond.toFixed(1)} tokens/s` : `${figures.format(Math.round(perSecond))} tokens/s`;
}

/**
 * @param {Done} done
 * @returns {number | undefined} tokens per second after the first one
 */
function averageSpeed({ usage, timings }) {
  if (!usage?.completion_tokens || !timings?.decode) return undefined;
  return ((usage.completion_tokens - 1) / timings.decode) * 1000;
}

/** @param {string} text */
function busy(text) {
  return /** @type {StatusLine} */ ({ tone: "busy", text });
}

/** @param {string[]} parts */
function join(...parts) {
  return parts.filter((part) => part !== "").join(" · ");
}
