/** The rendered text of a message, by its role. */

import { GrowingText } from "./growing-text.js";
import { MarkdownText } from "./markdown-text.js";
import { ToolResultText } from "./tool-result-text.js";

/** @typedef {GrowingText | MarkdownText | ToolResultText} PaintedText */

/**
 * @param {import("../chat/presenting.js").Shown} shown
 * @param {HTMLElement} element
 * @returns {PaintedText}
 */
export function createText({ role, name = "" }, element) {
  if (role === "tool") return new ToolResultText(element, name);
  return role === "assistant" ? new MarkdownText(element) : new GrowingText(element);
}
