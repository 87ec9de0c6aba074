/** Panel with the engine's figures and a small plot. It requests them only while it is visible. */

import { create } from "../ui/elements.js";
import { SpeedPlot } from "./speed-plot.js";
import { SpeedSeries } from "./speed-series.js";

/** @typedef {import("../protocol/messages.js").Limits} Limits */
/** @typedef {import("./engine-monitor.js").EngineMonitor} EngineMonitor */
/** @typedef {import("./engine-monitor.js").Sample} Sample */

/** Samples in the plot: one each second, for a minute. */
const SAMPLES = 60;
/** Number of cores in use by other programs from which on the machine counts as shared. */
const MANY_BUSY = 0.75;
const PAGE = "This browser";
const SERVER = "Server total";
const MEMORY = "KV cache";
const figures = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export class EnginePanel {
  name = "engine";
  title = "Engine";
  #monitor;
  /** @type {Limits} */
  #limits = {};
  #isShown = false;
  #page = new SpeedSeries(SAMPLES);
  #server = new SpeedSeries(SAMPLES);
  #plot = new SpeedPlot(SAMPLES, ["server", "page"]);
  #top = create("span", { class: "plot-top" });
  #serverLegend = create("span", { class: "legend legend-server", hidden: true }, SERVER);
  #words = create("p", { class: "field-hint" });
  #figures = create("dl", { class: "facts" });
  #memory = create("meter", { class: "engine-meter", min: 0, "aria-label": `${MEMORY} in use` });
  #observer = new AbortController();

  /** @param {EngineMonitor} monitor */
  constructor(monitor) {
    this.#monitor = monitor;
    this.element = create(
      "div",
      {},
      create("section", { class: "panel-group" }, create("h3", {}, "Now"), this.#figures),
      create(
        "section",
        { class: "panel-group" },
        create("div", { class: "field-head" }, create("h3", { class: "panel-title" }, "Tokens per second"), create("span", { class: "plot-time" }, "last minute")),
        create("div", { class: "plot-frame" }, this.#plot.element, this.#top),
        create(
          "p",
          { class: "plot-legend" },
          create("span", { class: "legend legend-page" }, PAGE),
          this.#serverLegend,
        ),
        this.#words,
      ),
    );
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#watch(), { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
    this.hidden();
  }

  /** @param {Limits} limits */
  showLimits(limits) {
    this.#limits = limits;
  }

  shown() {
    this.#isShown = true;
    this.#page.clear();
    this.#server.clear();
    this.#figures.replaceChildren(...row("Engine", "loading…"));
    this.#words.textContent = "";
    this.#watch();
  }

  hidden() {
    this.#isShown = false;
    this.#watch();
  }

  #watch() {
    if (this.#isShown && document.visibilityState === "visible") this.#monitor.start((sample) => this.#sampled(sample));
    else this.#monitor.stop();
  }

  /** @param {Sample} sample */
  #sampled(sample) {
    this.#page.add(sample.pagePerSecond);
    this.#server.add(sample.status?.tokens_per_second ?? null);
    this.#showFigures(sample);
    this.#serverLegend.hidden = !this.#server.isKnown;
    const words = describeSpeed(this.#page, this.#server, sample.status?.running === 0);
    const top = this.#plot.show([this.#server, this.#page], words);
    this.#top.textContent = `${figures.format(top)} tokens/s`;
    this.#words.textContent = words;
  }

  /** @param {Sample} sample */
  #showFigures(sample) {
    const rows = describeSample(sample, this.#limits);
    this.#memory.max = sample.status?.kv_tokens || 1;
    this.#memory.value = sample.status?.kv_used ?? 0;
    this.#figures.replaceChildren(...rows.flatMap(([term, fact]) => row(term, fact, ...(term === MEMORY ? [this.#memory] : []))));
  }
}

/**
 * @param {Sample} sample
 * @param {Limits} limits
 * @returns {[term: string, fact: string][]}
 */
export function describeSample({ status, roundTrip, pagePerSecond }, { parallel }) {
  if (!status) return [["Engine", "no answer from the server"]];
  const { running = 0, queued = 0, tokens_per_second: speed, kv_used: used = 0, kv_tokens: cells, cores, busy_cores: busy = 0 } = status;
  // Both speeds are means of several seconds. If no answer is running, nothing is being written.
  const isIdle = running === 0;
  /** @type {[string, string][]} */
  const rows = [
    ["Running", parallel ? `${running} of ${parallel} answers` : String(running)],
    ["Queue", queued === 0 ? "empty" : `${figures.format(queued)} waiting`],
    [PAGE, describeRate(isIdle ? 0 : pagePerSecond)],
  ];
  if (speed !== undefined) rows.push([SERVER, describeRate(isIdle ? 0 : speed)]);
  if (cells) rows.push([MEMORY, `${figures.format(used)} of ${figures.format(cells)} tokens (${figures.format((used / cells) * 100)}%)`]);
  if (busy >= MANY_BUSY) rows.push(["Shared machine", `${figures.format(busy)} of ${cores} cores ${busy < 1.5 ? "is" : "are"} busy with other programs`]);
  rows.push(["Round trip", roundTrip < 1 ? "under 1 ms" : `${figures.format(roundTrip)} ms`]);
  return rows;
}

/** @param {number | null} perSecond null while too little is known */
function describeRate(perSecond) {
  return perSecond === null ? "measuring…" : `${figures.format(perSecond)} tokens/s`;
}

/**
 * @param {SpeedSeries} page
 * @param {SpeedSeries} server
 * @param {boolean} isIdle no answer is running now
 * @returns {string} the plot in words
 */
export function describeSpeed(page, server, isIdle) {
  /** @type {[string, SpeedSeries][]} */
  const all = [[PAGE, page], [SERVER, server]];
  const known = all.filter(([, series]) => series.isKnown);
  return known.map(([where, series]) => sentence(where, series, isIdle)).join(" ") || "Nothing measured yet.";
}

/**
 * @param {string} where
 * @param {SpeedSeries} series
 * @param {boolean} isIdle
 */
function sentence(where, { latest, mean, peak }, isIdle) {
  if (peak === 0) return `${where}: idle.`;
  const now = isIdle ? 0 : (latest ?? 0);
  return `${where}: ${figures.format(now)} now, ${figures.format(mean)} on average, ${figures.format(peak)} at peak.`;
}

/**
 * @param {string} term
 * @param {string} fact
 * @param {HTMLElement[]} more below the fact
 */
function row(term, fact, ...more) {
  return [create("dt", {}, term), create("dd", {}, fact, ...more)];
}
