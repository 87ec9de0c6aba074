/** Short display name of a model, made from its raw name: "SmolLM2 135M" from "Smollm2 135M 8k Lc100K Mix1 Ep2". */

/** Longest display name, in characters; a longer one is cut between two words. */
const LONGEST = 40;

/** A quantization or file format at the end of a word, as in "-Q4_K_M" and ".gguf". */
const FORMAT = /[-_. ](?:i?q\d+(?:_[0-9a-z]{1,3})*|b?f(?:16|32)|fp(?:4|8|16|32)|mxfp4(?:_moe)?|int[48]|gguf|gptq|awq)(?![0-9a-z])/gi;
const SHARD = /-\d{5}-of-\d{5}/;
/** "135M", "1.1B", "8x7B", "A3B" (active) and "E4B" (effective). */
const SIZE = /^[ae]?(?:\d+x)?\d+(?:\.\d+)?[bm]$/i;
/** "2", "0.3", "v1.0", "2507". */
const VERSION = /^v?\d+(?:\.\d+)*$/i;

/** @type {Record<string, string>} names that need more than a capital first letter, by their lower-case spelling */
const SPELLINGS = Object.fromEntries(
  [
    "AI", "CodeLlama", "DeepSeek", "DPO", "GLM", "GPT", "InternLM", "IT", "LLaVA", "MiniCPM", "MoE", "OLMo", "OLMoE", "OSS", "QwQ",
    "RWKV", "SFT", "SmolLM", "StarCoder", "StreamUI", "TinyLlama", "VL", "WizardLM",
  ].map((name) => [name.toLowerCase(), name]),
);

/**
 * @param {string | undefined} raw
 * @returns {string} "" without a name
 */
export function displayName(raw) {
  const name = (raw ?? "").trim();
  const file = name.split("/").at(-1) ?? "";
  const words = file.replace(SHARD, "").replace(FORMAT, "").split(/[\s_-]+/).filter((word) => word !== "");
  const kept = withoutTrainingNotes(withoutRepeatedOwner(words));
  return shortened(kept.map(spelled)) || shortened([name]);
}

/**
 * Remove a repeated owner: some collections put the family before the name, as in "tinyllama_tinyllama-1.1b".
 * @param {string[]} words
 */
function withoutRepeatedOwner(words) {
  const [first = "", second = ""] = words;
  return first.toLowerCase() === second.toLowerCase() ? words.slice(1) : words;
}

/**
 * Remove training notes: words with digits after the size, such as "Lc100K" and "Ep2", unless they are a version.
 * @param {string[]} words
 */
function withoutTrainingNotes(words) {
  const size = words.findLastIndex((word) => SIZE.test(word));
  if (size < 1) return words;
  return words.filter((word, index) => index <= size || !/\d/.test(word) || VERSION.test(word));
}

/** @param {string} word */
function spelled(word) {
  if (SIZE.test(word)) return word.toUpperCase().replace("X", "x");
  if (VERSION.test(word)) return word.toLowerCase();
  const [, letters = "", rest = ""] = /^(\p{L}+)(.*)$/u.exec(word) ?? [];
  const known = SPELLINGS[letters.toLowerCase()];
  if (known) return known + rest;
  return letters === letters.toLowerCase() ? word.charAt(0).toUpperCase() + word.slice(1) : word;
}

/** @param {string[]} words */
function shortened(words) {
  let name = words[0] ?? "";
  for (const word of words.slice(1)) {
    if (`${name} ${word}`.length > LONGEST) return `${name} …`;
    name += ` ${word}`;
  }
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}
