/** Runs highlight.js apart from the page: takes code and its language, answers with runs of text and their classes. */

import { ROOT_PATH } from "../../root-path.js";
import { isFurther, languageOf } from "./languages.js";

/** @typedef {{scope?: string, children: (Scope | string)[]}} Scope */

const FOLDER = `${ROOT_PATH}/static/vendor/highlight/`;
/** @type {Promise<any>} */
const library = import(`${FOLDER}highlight.min.js`).then((module) => module.default);

addEventListener("message", async ({ data: { text, language } }) => {
  postMessage(await runs(text, language).catch(() => null));
});

/**
 * @param {string} text
 * @param {string} name of its language
 */
async function runs(text, name) {
  const highlight = await library;
  const language = languageOf(name);
  if (!highlight.getLanguage(language) && isFurther(language)) {
    highlight.registerLanguage(language, (await import(`${FOLDER}languages/${language}.min.js`)).default);
  }
  if (!highlight.getLanguage(language)) return null;
  const { _emitter } = highlight.highlight(text, { language, ignoreIllegals: true });
  /** @type {[string, string][]} */
  const found = [];
  collect(_emitter.rootNode, "", found);
  return found;
}

/**
 * @param {Scope} scope
 * @param {string} outer class of what it is in
 * @param {[string, string][]} found
 */
function collect(scope, outer, found) {
  const className = scope.scope && !scope.scope.startsWith("language:") ? classOf(scope.scope) : outer;
  for (const child of scope.children) {
    if (typeof child === "string") found.push([child, className]);
    else collect(child, className, found);
  }
}

/** @param {string} scope such as "title.function" */
function classOf(scope) {
  const [first = "", ...more] = scope.split(".");
  return [`hljs-${first}`, ...more.map((part, index) => `${part}${"_".repeat(index + 1)}`)].join(" ");
}
