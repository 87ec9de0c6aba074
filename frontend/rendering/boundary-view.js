/** Dividing line in a transcript: the model no longer sees the messages above it, or sees a summary of them. */

import { textButton } from "../ui/elements.js";

/**
 * @typedef {object} Boundary
 * @property {string} text
 * @property {string} [summary] text that the model sees instead of those messages
 */

/**
 * Show the boundary line below a message, or remove it.
 * @param {HTMLElement} message the message's list item
 * @param {Boundary | null} boundary null removes the line
 * @param {() => void} undo callback that removes the summary
 */
export function showBoundary(message, boundary, undo) {
  const line = /** @type {HTMLElement | null} */ (message.querySelector(".boundary"));
  if (boundary === null) return line?.remove();
  const key = JSON.stringify(boundary);
  if (line?.dataset.shown === key) return;
  const { text, summary } = boundary;
  const created = summary === undefined ? lineOf(text) : summaryOf(text, summary, undo);
  created.dataset.shown = key;
  if (line) line.replaceWith(created);
  else message.append(created);
}

/** @param {string} text */
function lineOf(text) {
  const line = document.createElement("p");
  line.className = "boundary boundary-line";
  line.textContent = text;
  return line;
}

/**
 * @param {string} text
 * @param {string} summary
 * @param {() => void} undo
 */
function summaryOf(text, summary, undo) {
  const details = document.createElement("details");
  details.className = "boundary";
  const title = document.createElement("summary");
  title.className = "boundary-line";
  title.textContent = text;
  const words = document.createElement("p");
  words.className = "boundary-text";
  words.dir = "auto";
  words.textContent = summary;
  details.append(title, words, textButton("Remove summary", "offer", undo));
  return details;
}
