/** Worker that runs highlight.js. Receives code and its language; returns pieces of text with their classes. */

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
 * @param {string} name name of the language
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
 * @param {string} outer class of the enclosing scope
 * @param {[string, string][]} found
 */
function collect(scope, outer, found) {
  const className = scope.scope && !scope.scope.startsWith("language:") ? classOf(scope.scope) : outer;
  for (const child of scope.children) {
    if (typeof child === "string") found.push([child, className]);
    else collect(child, className, found);
  }
}

/** @param {string} scope scope name, such as "title.function" */
function classOf(scope) {
  const [first = "", ...more] = scope.split(".");
  return [`hljs-${first}`, ...more.map((part, index) => `${part}${"_".repeat(index + 1)}`)].join(" ");
}
