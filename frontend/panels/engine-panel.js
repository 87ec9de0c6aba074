/** What the engine is doing now, in figures and as a small plot. Asks for it only while it can be seen. */

import { create } from "./elements.js";
import { SpeedPlot } from "./speed-plot.js";
import { SpeedSeries } from "./speed-series.js";

/** @typedef {import("../protocol/messages.js").Limits} Limits */
/** @typedef {import("./engine-monitor.js").EngineMonitor} EngineMonitor */
/** @typedef {import("./engine-monitor.js").Sample} Sample */

/** A minute, at a sample each second. */
const SAMPLES = 60;
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
  #serverLegend = create("span", { class: "legend legend-server", hidden: true }, "The whole server");
  #words = create("p", { class: "field-hint" });
  #figures = create("dl", { class: "facts" });
  #memory = create("meter", { class: "engine-meter", min: 0, "aria-label": "KV cache in use" });
  #observer = new AbortController();

  /** @param {EngineMonitor} monitor */
  constructor(monitor) {
    this.#monitor = monitor;
    this.#memory.hidden = true;
    this.element = create(
      "div",
      {},
      create("section", { class: "panel-group" }, create("h3", {}, "Now"), this.#figures, this.#memory),
      create(
        "section",
        { class: "panel-group" },
        create("div", { class: "field-head" }, create("h3", { class: "panel-title" }, "Tokens per second"), create("span", { class: "plot-time" }, "last minute")),
        create("div", { class: "plot-frame" }, this.#plot.element, this.#top),
        create(
          "p",
          { class: "plot-legend" },
          create("span", { class: "legend legend-page" }, "On this page"),
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
    this.#figures.replaceChildren(...row("Engine", "asking…"));
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
    this.#figures.replaceChildren(...describeSample(sample, this.#limits).flatMap(([term, fact]) => row(term, fact)));
    this.#showMemory(sample);
    this.#serverLegend.hidden = !this.#server.isKnown;
    const words = describeSpeed(this.#page, this.#server);
    const top = this.#plot.show([this.#server, this.#page], words);
    this.#top.textContent = `${figures.format(top)} tokens/s`;
    this.#words.textContent = words;
  }

  /** @param {Sample} sample */
  #showMemory({ status }) {
    this.#memory.hidden = !status?.kv_tokens;
    this.#memory.max = status?.kv_tokens ?? 1;
    this.#memory.value = status?.kv_used ?? 0;
  }
}

/**
 * @param {Sample} sample
 * @param {Limits} limits
 * @returns {[term: string, fact: string][]}
 */
export function describeSample({ status, roundTrip, pagePerSecond }, { parallel }) {
  if (!status) return [["Engine", "no answer from the server"]];
  const { running = 0, queued = 0, tokens_per_second: speed, kv_used: used, kv_tokens: cells } = status;
  /** @type {[string, string][]} */
  const rows = [
    ["Running", parallel ? `${running} of ${parallel} answers` : String(running)],
    ["In the queue", queued === 0 ? "nobody" : String(queued)],
    ["On this page", `${figures.format(pagePerSecond)} tokens/s`],
  ];
  if (speed !== undefined) rows.push(["Whole server", `${figures.format(speed)} tokens/s`]);
  if (cells) rows.push(["KV cache", `${figures.format(used ?? 0)} of ${figures.format(cells)} tokens (${figures.format(((used ?? 0) / cells) * 100)} %)`]);
  rows.push(["Round trip", roundTrip < 1 ? "less than 1 ms" : `${figures.format(roundTrip)} ms`]);
  return rows;
}

/**
 * @param {SpeedSeries} page
 * @param {SpeedSeries} server
 * @returns {string} what the plot shows
 */
export function describeSpeed(page, server) {
  const sentences = [sentence("On this page", page)];
  if (server.isKnown) sentences.push(sentence("On the whole server", server));
  return sentences.join(" ");
}

/**
 * @param {string} where
 * @param {SpeedSeries} series
 */
function sentence(where, { latest, mean, peak }) {
  if (peak === 0) return `${where}: nothing is being written.`;
  return `${where}: ${figures.format(latest ?? 0)} now, ${figures.format(mean)} on average, ${figures.format(peak)} at most.`;
}

/**
 * @param {string} term
 * @param {string} fact
 */
function row(term, fact) {
  return [create("dt", {}, term), create("dd", {}, fact)];
}
