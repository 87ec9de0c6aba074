/**
 * Table of the protocol's sampling parameters: range, control and words of each. The rows of the settings, their errors
 * and the chips at the composer are built from it. A test checks names and ranges against protocol/spec.
 */

/** @typedef {"number" | "integer" | "strings" | "object"} ParameterKind strings: one on each line; object: JSON text */
/** @typedef {{from: number, to: number, step: number}} Slider usual values; the field accepts all others in the range */
/**
 * @typedef {object} Parameter
 * @property {string} name name in the protocol
 * @property {string} label
 * @property {string} group title of its group in the settings
 * @property {ParameterKind} kind
 * @property {string} meaning shown on demand
 * @property {string} standard default if the model recommends none; a number unless the default is shown in words
 * @property {Slider} [slider]
 * @property {string} [chip] short label of a set value, with # for the value; otherwise the label and a number
 * @property {number} [minimum]
 * @property {number} [above] exclusive minimum
 * @property {number} [maximum]
 * @property {number} [minItems]
 * @property {number} [maxItems] of strings, or of an object's entries
 * @property {number} [maxLength] of each string, in characters
 * @property {number} [maxBytes] of JSON text, in UTF-8
 * @property {boolean} [hasNumbers] whether an object's keys are token ids and its values numbers in the range
 */

/** Smallest maximum that is only a limit of the number format. Descriptions of a range leave such a maximum out. */
const WHOLE = 2 ** 31 - 1;
const COMMON = "Common";
const CHOICE = "Sampling";
const REPETITION = "Repetition penalties";
const DRY = "Repeated phrases (DRY)";
const FORM = "Output format";

/** @type {Slider} */
const SHARE = { from: 0, to: 1, step: 0.01 };
/** @type {Slider} */
const PENALTY = { from: -2, to: 2, step: 0.1 };

/** Titles of the groups, in display order. The first one can't be folded. */
export const GROUPS = [COMMON, CHOICE, REPETITION, DRY, FORM];

/** @type {Parameter[]} */
export const PARAMETERS = [
  {
    name: "temperature", label: "Temperature", group: COMMON, kind: "number", minimum: 0, maximum: 2, standard: "0.8",
    slider: { from: 0, to: 2, step: 0.05 },
    meaning: "How freely the model picks words. Low is focused, high is surprising; 0 always picks the likeliest word.",
  },
  {
    name: "top_p", label: "Top P", group: COMMON, kind: "number", minimum: 0, maximum: 1, standard: "0.95", slider: SHARE,
    meaning: "Picks from the likeliest words that together reach this share of all chances. 1 turns it off.",
  },
  {
    name: "max_tokens", label: "Max tokens", group: COMMON, kind: "integer", minimum: 1, maximum: WHOLE,
    standard: "No limit", chip: "Max # tokens",
    meaning: "Stops the answer after this many tokens. A token is about three quarters of a word.",
  },
  {
    name: "seed", label: "Seed", group: COMMON, kind: "integer", minimum: -1, maximum: 2 ** 32 - 1, standard: "-1",
    meaning: "Same seed, same answer. -1 = random.",
  },
  {
    name: "stop", label: "Stop sequences", group: COMMON, kind: "strings", minItems: 1, maxItems: 16, maxLength: 256,
    standard: "None", chip: "Stop sequences",
    meaning: "Stops the answer before any of these texts. Write one per line.",
  },
  {
    name: "top_k", label: "Top K", group: CHOICE, kind: "integer", minimum: 0, maximum: WHOLE, standard: "40",
    slider: { from: 0, to: 200, step: 1 },
    meaning: "Picks from this many of the likeliest words. 0 turns it off.",
  },
  {
    name: "min_p", label: "Min P", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "0.05", slider: SHARE,
    meaning: "Drops words that are less likely than this share of the likeliest one. 0 turns it off.",
  },
  {
    name: "typical_p", label: "Typical P", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "1", slider: SHARE,
    meaning: "Keeps the words that are about as surprising as expected, up to this share of all chances. 1 turns it off.",
  },
  {
    name: "top_n_sigma", label: "Top n sigma", group: CHOICE, kind: "number", minimum: -1, maximum: 100, standard: "-1",
    slider: { from: -1, to: 5, step: 0.1 },
    meaning: "Keeps words within this many standard deviations of the best score. 0 or less turns it off.",
  },
  {
    name: "xtc_probability", label: "XTC probability", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "0",
    slider: SHARE,
    meaning: "How often the most obvious words are left out, for more unusual writing. 0 turns it off.",
  },
  {
    name: "xtc_threshold", label: "XTC threshold", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "0.1",
    slider: SHARE,
    meaning: "Words count as obvious from this chance on. Above 0.5 turns it off.",
  },
  {
    name: "logit_bias", label: "Token biases", group: CHOICE, kind: "object", minimum: -100, maximum: 100, maxItems: 1024,
    hasNumbers: true, standard: "None",
    meaning: 'Makes single tokens more or less likely: a JSON object from token id to number, like {"42": -100}.',
  },
  {
    name: "repeat_penalty", label: "Repeat penalty", group: REPETITION, kind: "number", above: 0, maximum: 2, standard: "1",
    slider: { from: 0.5, to: 2, step: 0.05 },
    meaning: "Makes recently used words less likely. 1 turns it off, 1.1 is mild.",
  },
  {
    name: "presence_penalty", label: "Presence penalty", group: REPETITION, kind: "number", minimum: -2, maximum: 2, standard: "0",
    slider: PENALTY,
    meaning: "Penalizes words that have appeared at all. 0 turns it off, below 0 favors them.",
  },
  {
    name: "frequency_penalty", label: "Frequency penalty", group: REPETITION, kind: "number", minimum: -2, maximum: 2, standard: "0",
    slider: PENALTY,
    meaning: "Penalizes words by how often they've appeared. 0 turns it off, below 0 favors them.",
  },
  {
    name: "repeat_last_n", label: "Penalty window", group: REPETITION, kind: "integer", minimum: 0, maximum: WHOLE, standard: "64",
    slider: { from: 0, to: 1024, step: 16 },
    meaning: "How many of the last tokens the three penalties look at. 0 turns them off.",
  },
  {
    name: "dry_multiplier", label: "DRY strength", group: DRY, kind: "number", minimum: 0, maximum: 100, standard: "0",
    slider: { from: 0, to: 5, step: 0.1 },
    meaning: "Penalizes repeating a phrase from earlier in the chat. 0 turns it off, 0.8 is usual.",
  },
  {
    name: "dry_base", label: "DRY growth", group: DRY, kind: "number", minimum: 1, maximum: 100, standard: "1.75",
    slider: { from: 1, to: 4, step: 0.05 },
    meaning: "How fast the penalty grows with each further repeated token.",
  },
  {
    name: "dry_allowed_length", label: "DRY free length", group: DRY, kind: "integer", minimum: 1, maximum: WHOLE, standard: "2",
    slider: { from: 1, to: 20, step: 1 },
    meaning: "Repetitions of up to this many tokens are not penalized.",
  },
  {
    name: "dry_penalty_last_n", label: "DRY window", group: DRY, kind: "integer", minimum: 0, maximum: WHOLE, standard: "64",
    slider: { from: 0, to: 1024, step: 16 },
    meaning: "How many of the chat's last tokens are searched for repetitions. 0 turns it off.",
  },
  {
    name: "dry_sequence_breakers", label: "DRY breakers", group: DRY, kind: "strings", maxItems: 16, maxLength: 64,
    standard: "Line end, colon, quote, asterisk",
    meaning: "Texts that end a repetition. Write one per line, and \\n for a line end.",
  },
  {
    name: "json_schema", label: "JSON schema", group: FORM, kind: "object", maxBytes: 65_536, standard: "None", chip: "JSON output",
    meaning: 'The answer is JSON that follows this schema, like {"type": "object", "properties": {"name": {"type": "string"}}}.',
  },
];

/**
 * @param {Parameter} parameter
 * @param {boolean} [isExact] whether to name the limit of the number format as well
 * @returns {string} the valid values, as in "Must be 0–2"
 */
export function describeRange({ kind, minimum = 0, above, maximum = 0, maxItems, maxLength, maxBytes = 0, hasNumbers }, isExact = false) {
  if (kind === "strings") return `up to ${maxItems} lines of ${maxLength} characters`;
  if (hasNumbers) return `up to ${grouped(maxItems)} tokens, each ${minimum} to ${maximum}`;
  if (kind === "object") return `up to ${maxBytes / 1024} KiB`;
  if (above !== undefined) return `above ${above}, up to ${maximum}`;
  if (maximum >= WHOLE && !isExact) return `${minimum} or more`;
  return minimum < 0 ? `${minimum} to ${grouped(maximum)}` : `${minimum}–${grouped(maximum)}`;
}

/** @param {number} [value] */
function grouped(value = 0) {
  return value.toLocaleString("en");
}
