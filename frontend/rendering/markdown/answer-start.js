/** The place in a text where the answer begins, after the model's thinking. Pure. */

import { ThinkingSplitter } from "./thinking-splitter.js";

/** @typedef {{thinking: string, answer: string}} SplitAnswer joined they are the text */

/**
 * Split a finished text behind its last thought and the blank lines after it.
 * @param {string} text
 * @returns {SplitAnswer} `thinking` is "" if there is none, or if it can't be separated: a thought without an end, or a
 *   mark after the answer
 */
export function splitAnswer(text) {
  let answer = "";
  let isThinking = false;
  const splitter = new ThinkingSplitter({
    text: (piece) => void (answer = isThinking ? "" : answer + piece),
    thinkingBegan: () => void (isThinking = true),
    thinkingEnded: () => void (isThinking = false),
    thinkingWasBefore: () => void (answer = ""),
  });
  splitter.append(text);
  const hasEnded = !isThinking;
  splitter.finish();
  if (!hasEnded || answer.length === text.length || !text.endsWith(answer)) return { thinking: "", answer: text };
  const begin = text.length - answer.trimStart().length;
  return { thinking: text.slice(0, begin), answer: text.slice(begin) };
}
