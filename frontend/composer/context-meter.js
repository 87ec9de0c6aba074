/** Meter of the model's context at the composer: a ring, and figures if there is room. */

/** @typedef {import("../conversations/api.js").ContextCount} ContextCount */
/** @typedef {import("../ui/frame-batcher.js").FrameBatcher} FrameBatcher */
/**
 * @typedef {object} ContextMeterElements
 * @property {HTMLElement} meter
 * @property {SVGElement} arc a circle whose `pathLength` is 100
 * @property {HTMLElement} figures
 */
/** @typedef {"usual" | "high" | "full"} Level */

/** Share of the context above which the meter warns. */
const HIGH = 0.85;
const figures = new Intl.NumberFormat("en");

export class ContextMeter {
  #elements;
  #batcher;
  /** @type {ContextCount | null} */
  #count = null;

  /**
   * @param {ContextMeterElements} elements
   * @param {FrameBatcher} batcher
   */
  constructor(elements, batcher) {
    this.#elements = elements;
    this.#batcher = batcher;
  }

  /** @param {ContextCount | null} count */
  show(count) {
    this.#count = count;
    this.#batcher.schedule(this);
  }

  /** Update the elements. The batcher calls it. */
  paint() {
    const { meter, arc, figures: line } = this.#elements;
    const count = this.#count;
    meter.hidden = count === null || count.tokens === 0;
    if (count === null) return;
    const words = describeContext(count);
    meter.dataset.level = levelOf(count);
    meter.setAttribute("aria-valuemax", String(count.context));
    meter.setAttribute("aria-valuenow", String(Math.min(count.tokens, count.context)));
    meter.setAttribute("aria-valuetext", words.spoken);
    meter.title = words.tip;
    line.textContent = words.short;
    arc.setAttribute("stroke-dashoffset", String(100 - percent(count)));
  }
}

/**
 * @param {ContextCount} count
 * @returns {Level}
 */
export function levelOf({ tokens, context }) {
  if (tokens >= context) return "full";
  return tokens >= HIGH * context ? "high" : "usual";
}

/**
 * @param {ContextCount} count
 * @returns {{short: string, spoken: string, tip: string}}
 */
export function describeContext(count) {
  const { tokens, context, dropped = 0 } = count;
  const [used, whole] = [figures.format(tokens), figures.format(context)];
  const spoken = `${used} of ${whole} tokens`;
  const state = { usual: "", high: "Almost full", full: "Context full" }[levelOf(count)];
  const left = dropped === 0 ? "" : dropped === 1 ? "The model no longer sees the first message." : `The model no longer sees the first ${figures.format(dropped)} messages.`;
  const tip = [`This chat uses ${used} of the ${whole} tokens that the model can read at once.`, state && `${state}.`, left];
  return { short: [state, `${used} / ${whole}`].filter(Boolean).join(" · "), spoken: [state, spoken].filter(Boolean).join(": "), tip: tip.filter(Boolean).join(" ") };
}

/** @param {ContextCount} count */
function percent({ tokens, context }) {
  return Math.round(Math.min(1, tokens / context) * 100);
}
