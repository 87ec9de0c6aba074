/** The models that a chat can have, as the groups and lines of the picker. */

import { countWords, isUnreachable, sizeWords, UNREACHABLE } from "../panels/model-words.js";
import { displayName } from "./model-name.js";

/** @typedef {import("../panels/models-api.js").LocalModel} LocalModel */
/** @typedef {import("../panels/models-api.js").LocalModels} LocalModels */
/** @typedef {import("../panels/models-api.js").Suggested} Suggested */
/** @typedef {import("../protocol/messages.js").ModelEntry} ModelEntry */
/** @typedef {import("../ui/choice-list.js").Choice} Choice */
/** @typedef {import("../ui/choice-list.js").ChoiceGroup} ChoiceGroup */

/** Beginning of the values that stand for a download. No name of a model has a colon before its first slash. */
const DOWNLOAD = "get:";

/**
 * @param {ModelEntry[]} entries
 * @param {LocalModels | null} local null if it is not known
 * @returns {ChoiceGroup[]}
 */
export function modelChoices(entries, local) {
  const names = shortNames(entries);
  const rows = entries.map((entry, index) => ({ entry, choice: choiceOf(entry, names[index] ?? entry.name, local) })).filter(({ entry }) => !isMissing(entry));
  const choices = (/** @type {(entry: ModelEntry) => boolean} */ has) => rows.filter(({ entry }) => has(entry)).map(({ choice }) => choice);
  const others = (local?.models ?? []).filter((model) => !entries.some((entry) => isSame(model, entry)));
  const suggested = local?.may_get && !local.offline ? local.suggested.filter(({ source }) => !rows.some(({ entry }) => entry.name === source)) : [];
  return [
    { label: "Loaded", choices: choices(({ state }) => state === "loaded") },
    { label: "On this machine", choices: [...choices((entry) => entry.state !== "loaded" && entry.state !== "downloading" && !isUnreachable(entry)), ...others.map(notOffered)] },
    { label: "On other servers", choices: choices(isUnreachable) },
    { label: "To download", choices: [...choices(({ state }) => state === "downloading"), ...suggested.map(toDownload)] },
  ];
}

/**
 * @param {string} value of a choice
 * @returns {string | undefined} source to download from; undefined if nothing is to be downloaded
 */
export function downloadOf(value) {
  return value.startsWith(DOWNLOAD) ? value.slice(DOWNLOAD.length) : undefined;
}

/**
 * @param {ModelEntry[]} models
 * @returns {string[]} display names, or full ones where several models would have the same
 */
export function shortNames(models) {
  const short = models.map(({ name, title }) => displayName(title ?? name));
  return short.map((name, index) => (short.indexOf(name) === short.lastIndexOf(name) ? name : (models[index]?.name ?? name)));
}

/**
 * @param {ModelEntry[]} models
 * @returns {import("../composer/compare-setup.js").ModelOption[]} those that have been downloaded
 */
export function modelOptions(models) {
  const names = shortNames(models);
  return models.flatMap((model, index) => {
    if (model.state === "downloading") return [];
    const words = [names[index] ?? model.name, model.state === "loading" ? "" : stateWords(model)].filter(Boolean).join(" · ");
    return [{ name: model.name, words, isDisabled: isUnreachable(model) || model.state === "failed" }];
  });
}

/** @param {ModelEntry} entry @returns {string} "loading, 40%", "downloading, 40%", "can't be reached", "could not be loaded", or "" */
export function stateWords(entry) {
  const { state, done, total } = entry;
  if (isUnreachable(entry)) return "can't be reached";
  if (state === "loading" || state === "downloading") return total ? `${state}, ${Math.floor((100 * (done ?? 0)) / total)}%` : state;
  return state === "failed" ? "could not be loaded" : "";
}

/**
 * @param {ModelEntry} entry
 * @param {string} name
 * @param {LocalModels | null} local
 * @returns {Choice}
 */
function choiceOf(entry, name, local) {
  const { state, needs, error } = entry;
  const file = local?.models.find((model) => isSame(model, entry));
  const limit = local?.model_memory ?? Infinity;
  const isTooLarge = state === "on_disk" && needs !== undefined && needs > limit;
  const facts = factsOf({
    state: stateWords(entry),
    quantization: file?.quantization ?? undefined,
    size: entry.size ?? file?.size,
    context: entry.context,
    needs: isTooLarge ? undefined : needs,
  });
  const note = isTooLarge
    ? `Too large: it needs ${sizeWords(needs)} of memory, and models may use ${sizeWords(limit)} on this server.`
    : isUnreachable(entry) ? UNREACHABLE : state === "failed" && error ? `${error.charAt(0).toUpperCase()}${error.slice(1)}` : "";
  return { value: entry.name, name, facts, note, isDisabled: isTooLarge || state === "downloading", words: [entry.title, file?.full_name].filter(Boolean).join(" ") };
}

/**
 * @param {LocalModel} model that the server doesn't answer with
 * @returns {Choice}
 */
function notOffered({ name, full_name: value, quantization, size, context }) {
  const facts = factsOf({ quantization: quantization ?? undefined, size, context: context ?? undefined });
  return { value, name: displayName(name), facts, note: "This server doesn't offer this model.", isDisabled: true };
}

/** @param {ModelEntry} entry whether its download has failed */
function isMissing({ state, error }) {
  return state === "downloading" && error !== undefined;
}

/** @param {Suggested} suggested @returns {Choice} */
function toDownload({ source, about }) {
  return { value: `${DOWNLOAD}${source}`, name: displayName(source), facts: about };
}

/** @param {{state?: string, quantization?: string | undefined, size?: number | undefined, context?: number | undefined, needs?: number | undefined}} facts */
function factsOf({ state, quantization, size, context, needs }) {
  return [
    ...(state ? [state] : []),
    ...(quantization ? [quantization] : []),
    ...(size ? [sizeWords(size)] : []),
    ...(context ? [`context ${countWords(context)}`] : []),
    ...(needs ? [`needs ${sizeWords(needs)} of memory`] : []),
  ].join(" · ");
}

/**
 * @param {LocalModel} model
 * @param {ModelEntry} entry
 */
function isSame(model, entry) {
  return entry.name === model.name || entry.name === model.full_name;
}
