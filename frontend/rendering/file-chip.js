/** Chip for a message's file: its name and size, and buttons that open and remove it. */

import { countLines } from "../conversations/message-files.js";
import { describeBytes } from "../panels/model-facts.js";
import { icon } from "../ui/elements.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */

/**
 * @param {MessageFile} file
 * @param {() => void} open
 * @param {() => void} [remove]
 * @returns {HTMLLIElement}
 */
export function createFileChip(file, open, remove) {
  const about = describeFile(file.text);
  const chip = chipElement();
  const opener = button("file-open", open);
  opener.title = file.name;
  // Screen readers read the button's text; without the space they would join name and size.
  opener.append(icon("file"), span("file-name", file.name), " ", span("file-size", about));
  chip.append(opener);
  if (remove) chip.append(removeButton(file.name, remove));
  return chip;
}

/**
 * Create the chip of a file that is still being read.
 * @param {string} name
 * @param {() => void} remove
 * @returns {HTMLLIElement}
 */
export function createReadingChip(name, remove) {
  const chip = chipElement();
  chip.dataset["state"] = "reading";
  const label = span("file-open", "");
  label.append(icon("file"), span("file-name", name), span("file-size", "Reading…"));
  chip.append(label, removeButton(name, remove));
  return chip;
}

/**
 * Return a file's size and number of lines, as text.
 * @param {string} text content of the file
 * @returns {string}
 */
export function describeFile(text) {
  const lines = countLines(text);
  const size = describeBytes(new TextEncoder().encode(text).length);
  return `${size} · ${lines.toLocaleString("en")} ${lines === 1 ? "line" : "lines"}`;
}

function chipElement() {
  const chip = document.createElement("li");
  chip.className = "file-chip";
  return chip;
}

/**
 * @param {string} className
 * @param {string} text
 */
function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * @param {string} className
 * @param {() => void} act
 */
function button(className, act) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = className;
  element.addEventListener("click", act);
  return element;
}

/**
 * @param {string} name
 * @param {() => void} remove
 */
function removeButton(name, remove) {
  const element = button("file-remove", remove);
  element.setAttribute("aria-label", `Remove ${name}`);
  element.title = "Remove";
  element.append(icon("close"));
  return element;
}
