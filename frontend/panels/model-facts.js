/** Facts about the model and the server's limits, in words and figures. */

import { displayName } from "../rendering/model-name.js";
import { isUnreachable } from "./model-words.js";

/** @typedef {import("../protocol/messages.js").Limits} Limits */
/** @typedef {import("../protocol/messages.js").ModelFacts} ModelFacts */

const figures = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/**
 * @param {ModelFacts} model
 * @param {Limits} limits
 * @returns {[term: string, fact: string][]} known facts only
 */
export function describeModel(model, limits) {
  const name = displayName(model.title ?? model.name);
  /** @type {[string, string | undefined][]} */
  const rows = [
    ["Name", name],
    ["Full name", model.name === name ? undefined : model.name],
    ["State", describeState(model)],
    ["Memory", model.needs ? `${describeBytes(model.needs)} while loaded` : undefined],
    ["Size", model.parameters ? `${compact.format(model.parameters)} parameters` : undefined],
    ["Architecture", model.architecture],
    ["Context", model.context ? `${figures.format(model.context)} tokens per chat` : undefined],
    ["Chat template", describeTemplate(model.template)],
    ["Parallel", describeParallel(limits)],
    ["Largest message", limits.frame_bytes ? describeBytes(limits.frame_bytes) : undefined],
  ];
  return rows.flatMap(([term, fact]) => (fact ? [[term, fact]] : []));
}

/**
 * @param {number} bytes
 * @returns {string} in the largest unit of which there is at least one
 */
export function describeBytes(bytes) {
  if (bytes < 1024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  if (bytes < 1024 ** 2) return `${rounded(bytes / 1024)} KiB`;
  if (bytes < 1024 ** 3) return `${rounded(bytes / 1024 ** 2)} MiB`;
  return `${rounded(bytes / 1024 ** 3)} GiB`;
}

/** @param {number} value */
function rounded(value) {
  return value < 10 ? String(Math.floor(value * 10) / 10) : figures.format(Math.floor(value));
}

/**
 * @param {ModelFacts} model
 * @returns {string | undefined} nothing for a model that is loaded, as most are
 */
function describeState(model) {
  const { state, error } = model;
  if (isUnreachable(model)) return "behind a server that can't be reached now";
  if (state === "on_disk") return "loaded when you send a message";
  if (state === "loading") return "loading";
  return state === "failed" ? `could not be loaded: ${error ?? "no reason given"}` : undefined;
}

/** @param {string} [template] */
function describeTemplate(template) {
  if (template === "gguf") return "from the model";
  if (template === "chatml") return "ChatML (model has none)";
  return template === "chosen" ? "chosen at start" : undefined;
}

/** @param {Limits} limits */
function describeParallel({ parallel, queued }) {
  if (!parallel) return undefined;
  return queued ? `${parallel} (queue ${figures.format(queued)})` : String(parallel);
}
