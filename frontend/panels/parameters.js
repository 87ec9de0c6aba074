/**
 * Every sampling parameter that the server takes: its range as in the protocol's schema, and its meaning in plain words.
 * Ranges and names are checked against protocol/spec by a test.
 */

/** @typedef {"number" | "integer" | "strings" | "object"} ParameterKind strings: one on each line; object: JSON text */
/**
 * @typedef {object} Parameter
 * @property {string} name as the protocol has it
 * @property {string} label
 * @property {string} group title of the group that it is shown in
 * @property {ParameterKind} kind
 * @property {string} meaning
 * @property {string} standard what holds where nothing is set and the model recommends nothing
 * @property {string} [unit]
 * @property {string} [chip] short label of a set value, with # for the value; otherwise the label and a number
 * @property {number} [minimum]
 * @property {number} [above] like minimum, but not this number itself
 * @property {number} [maximum]
 * @property {number} [minItems]
 * @property {number} [maxItems] of strings, or of an object's entries
 * @property {number} [maxLength] of each string, in characters
 * @property {number} [maxBytes] of JSON text, in UTF-8
 * @property {boolean} [hasNumbers] whether an object's keys are token ids and its values numbers in the range
 */

const WHOLE = 2 ** 31 - 1;
const COMMON = "Common";
const CHOICE = "Which words may come";
const REPETITION = "Against repetition";
const DRY = "Against repeated phrases (DRY)";
const FORM = "Form of the answer";

/** Titles of the groups, in the order in which they are shown. The first one is open. */
export const GROUPS = [COMMON, CHOICE, REPETITION, DRY, FORM];

/** @type {Parameter[]} */
export const PARAMETERS = [
  {
    name: "temperature", label: "Temperature", group: COMMON, kind: "number", minimum: 0, maximum: 2, standard: "0.8",
    meaning: "How freely the model chooses. Low is sober and repeatable, high is surprising; 0 always takes the likeliest word.",
  },
  {
    name: "top_p", label: "Top P", group: COMMON, kind: "number", minimum: 0, maximum: 1, standard: "0.95",
    meaning: "Chooses among the likeliest words that together reach this share of all chances. 1 turns it off.",
  },
  {
    name: "max_tokens", label: "Longest answer", group: COMMON, kind: "integer", minimum: 1, maximum: WHOLE, unit: "tokens",
    standard: "up to the end of the context", chip: "Max # tokens",
    meaning: "The answer ends after so many tokens, pieces of about three quarters of a word.",
  },
  {
    name: "seed", label: "Seed", group: COMMON, kind: "integer", minimum: -1, maximum: 2 ** 32 - 1, standard: "-1",
    meaning: "Where chance starts from: the same seed gives the same answer to the same question. -1 is another one each time.",
  },
  {
    name: "stop", label: "Stop before", group: COMMON, kind: "strings", minItems: 1, maxItems: 16, maxLength: 256,
    standard: "none", chip: "Stop sequences",
    meaning: "The answer ends before any of these texts, one on each line.",
  },
  {
    name: "top_k", label: "Top K", group: CHOICE, kind: "integer", minimum: 0, maximum: WHOLE, unit: "words", standard: "40",
    meaning: "Chooses among so many of the likeliest words. 0 turns it off.",
  },
  {
    name: "min_p", label: "Min P", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "0.05",
    meaning: "Drops words that are less likely than this share of the likeliest one. 0 turns it off.",
  },
  {
    name: "typical_p", label: "Typical P", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "1",
    meaning: "Keeps the words that are about as surprising as is to be expected, up to this share of all chances. 1 turns it off.",
  },
  {
    name: "top_n_sigma", label: "Top n sigma", group: CHOICE, kind: "number", minimum: -1, maximum: 100, standard: "-1",
    unit: "standard deviations",
    meaning: "Keeps words whose score is within this distance of the best score. 0 or less turns it off.",
  },
  {
    name: "xtc_probability", label: "XTC probability", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "0",
    meaning: "How often the most obvious words are left out, for more unusual writing. 0 turns it off.",
  },
  {
    name: "xtc_threshold", label: "XTC threshold", group: CHOICE, kind: "number", minimum: 0, maximum: 1, standard: "0.1",
    meaning: "From which chance on a word counts as obvious. Above 0.5 turns it off.",
  },
  {
    name: "logit_bias", label: "Token biases", group: CHOICE, kind: "object", minimum: -100, maximum: 100, maxItems: 1024,
    hasNumbers: true, standard: "none",
    meaning: 'Makes single tokens likelier or less likely: a JSON object from token id to number, as in {"42": -100}.',
  },
  {
    name: "repeat_penalty", label: "Repeat penalty", group: REPETITION, kind: "number", above: 0, maximum: 2, standard: "1",
    meaning: "Makes words of the last part of the answer less likely to come again. 1 turns it off, 1.1 is mild.",
  },
  {
    name: "presence_penalty", label: "Presence penalty", group: REPETITION, kind: "number", minimum: -2, maximum: 2, standard: "0",
    meaning: "Against words that came at all, however often. 0 turns it off, less than 0 favours them.",
  },
  {
    name: "frequency_penalty", label: "Frequency penalty", group: REPETITION, kind: "number", minimum: -2, maximum: 2, standard: "0",
    meaning: "Against words, the more the oftener they came. 0 turns it off, less than 0 favours them.",
  },
  {
    name: "repeat_last_n", label: "How far back", group: REPETITION, kind: "integer", minimum: 0, maximum: WHOLE, unit: "tokens",
    standard: "64",
    meaning: "How much of the answer's end the three penalties look at. 0 turns them off.",
  },
  {
    name: "dry_multiplier", label: "DRY strength", group: DRY, kind: "number", minimum: 0, maximum: 100, standard: "0",
    meaning: "Against going on with a phrase that stands in the text already. 0 turns it off, 0.8 is usual.",
  },
  {
    name: "dry_base", label: "DRY growth", group: DRY, kind: "number", minimum: 1, maximum: 100, standard: "1.75",
    meaning: "By which factor the penalty grows with each further repeated token.",
  },
  {
    name: "dry_allowed_length", label: "DRY allowed length", group: DRY, kind: "integer", minimum: 1, maximum: WHOLE, unit: "tokens",
    standard: "2",
    meaning: "How long a repetition may be before it counts.",
  },
  {
    name: "dry_penalty_last_n", label: "DRY: how far back", group: DRY, kind: "integer", minimum: 0, maximum: WHOLE, unit: "tokens",
    standard: "64",
    meaning: "How much of the end of question and answer it looks at. 0 turns it off.",
  },
  {
    name: "dry_sequence_breakers", label: "DRY breakers", group: DRY, kind: "strings", maxItems: 16, maxLength: 64,
    standard: "line end, colon, double quote, asterisk",
    meaning: "Texts that end a repetition, one on each line; \\n stands for a line end.",
  },
  {
    name: "json_schema", label: "JSON schema", group: FORM, kind: "object", maxBytes: 65_536, standard: "none",
    chip: "JSON output",
    meaning: 'The answer is JSON that obeys this schema, as in {"type": "object", "properties": {"name": {"type": "string"}}}.',
  },
];

/**
 * @param {Parameter} parameter
 * @returns {string} which values it takes, as the end of a sentence: "a number from 0 to 2"
 */
export function describeRange({ kind, minimum, above, maximum, maxItems, maxLength, maxBytes, hasNumbers }) {
  if (kind === "strings") return `up to ${maxItems} lines of up to ${maxLength} characters`;
  if (hasNumbers) return `a JSON object of up to ${grouped(maxItems)} token ids and numbers from ${minimum} to ${maximum}`;
  if (kind === "object") return `a JSON object of up to ${grouped(maxBytes)} bytes`;
  const what = kind === "integer" ? "a whole number" : "a number";
  if (above !== undefined) return `${what} above ${above}, up to ${maximum}`;
  return (maximum ?? 0) >= WHOLE ? `${what} from ${minimum}` : `${what} from ${minimum} to ${maximum}`;
}

/** @param {number} [value] */
function grouped(value = 0) {
  return value.toLocaleString("en");
}
