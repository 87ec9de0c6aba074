/** What is known of the model and of the server's limits, in words and figures. */

/** @typedef {import("../protocol/messages.js").Limits} Limits */
/** @typedef {import("../protocol/messages.js").ModelFacts} ModelFacts */

const figures = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/**
 * @param {ModelFacts} model
 * @param {Limits} limits
 * @returns {[term: string, fact: string][]} what isn't known is left out
 */
export function describeModel(model, limits) {
  /** @type {[string, string | undefined][]} */
  const rows = [
    ["Name", model.name],
    ["Size", model.parameters ? `${compact.format(model.parameters)} parameters` : undefined],
    ["Family", model.architecture],
    ["Context", model.context ? `${figures.format(model.context)} tokens for one chat` : undefined],
    ["Chat template", describeTemplate(model.template)],
    ["Answers at once", describeParallel(limits)],
    ["Longest message", limits.frame_bytes ? describeBytes(limits.frame_bytes) : undefined],
  ];
  return rows.flatMap(([term, fact]) => (fact ? [[term, fact]] : []));
}

/**
 * @param {number} bytes
 * @returns {string} in the largest unit that leaves at least one whole
 */
export function describeBytes(bytes) {
  if (bytes < 1024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  if (bytes < 1024 ** 2) return `${rounded(bytes / 1024)} KiB`;
  return `${rounded(bytes / 1024 ** 2)} MiB`;
}

/** @param {number} value */
function rounded(value) {
  return value < 10 ? String(Math.floor(value * 10) / 10) : figures.format(Math.floor(value));
}

/** @param {string} [template] */
function describeTemplate(template) {
  if (template === "gguf") return "the model's own";
  if (template === "chatml") return "ChatML, as the model has none";
  return template === "chosen" ? "chosen when the server was started" : undefined;
}

/** @param {Limits} limits */
function describeParallel({ parallel, queued }) {
  if (!parallel) return undefined;
  return queued ? `${parallel}, and up to ${figures.format(queued)} that wait` : String(parallel);
}
