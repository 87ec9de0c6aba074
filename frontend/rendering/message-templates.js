/** Templates of a message, one for each role. Cloning one is faster than making its elements again. */

import { create } from "../ui/elements.js";

/** @typedef {{question: HTMLTemplateElement, answer: HTMLTemplateElement, result: HTMLTemplateElement}} MessageTemplates */

/** @returns {MessageTemplates} */
export function messageTemplates() {
  return { question: template(question()), answer: template(answer("Answer")), result: template(answer("Result of a call")) };
}

/**
 * Copy the template for a role.
 * @param {MessageTemplates} templates
 * @param {import("../conversations/api.js").Message["role"]} role
 * @returns {DocumentFragment}
 */
export function copyTemplate({ question, answer, result }, role) {
  const template = { user: question, tool: result, assistant: answer, system: answer }[role];
  return /** @type {DocumentFragment} */ (template.content.cloneNode(true));
}

function question() {
  return create(
    "article",
    { class: "question", "aria-label": "You", tabindex: -1 },
    create("ul", { class: "file-list question-files", "aria-label": "Attached files", hidden: true }),
    create("div", { class: "prompt" }, create("div", { class: "prompt-text message-text", dir: "auto" })),
    create("div", { class: "message-foot" }, time(), create("div", { class: "actions" })),
    offers(),
  );
}

/** @param {string} label */
function answer(label) {
  const status = create(
    "div",
    { class: "status", "data-tone": "quiet" },
    create("span", { class: "status-dot" }),
    create("span", { class: "status-text" }),
    create("progress", { class: "status-progress", "aria-label": "Prompt read", hidden: true }),
  );
  return create(
    "article",
    { class: "answer", "aria-label": label, tabindex: -1 },
    create("div", { class: "answer-text message-text" }),
    create("div", { class: "message-foot" }, status, create("div", { class: "actions" }), time()),
    offers(),
  );
}

function time() {
  return create("time", { class: "message-time", hidden: true });
}

function offers() {
  return create("div", { class: "offers", hidden: true });
}

/** @returns {DocumentFragment} an answer outside the transcript's list */
export function columnTemplate() {
  const made = document.createDocumentFragment();
  made.append(create("div", { class: "message is-last" }, answer("Answer")));
  return made;
}

/** @param {HTMLElement} article */
function template(article) {
  const made = create("template");
  made.content.append(create("li", { class: "message" }, article));
  return made;
}
