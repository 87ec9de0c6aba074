/** Elements of the chat in a foreign page, in a shadow tree that keeps its styles and ids apart from the page's. */

import { messageTemplates } from "../rendering/message-templates.js";
import { create, icon, iconButton } from "../ui/elements.js";
import { embedSymbols } from "./embed-icons.js";

/** @typedef {ReturnType<typeof embedElements>} EmbedElements */

/**
 * Add the chat's elements to the page. They stay hidden until the styles are loaded.
 * @param {HTMLElement} container
 * @param {{styles: string, placeholder: string, greeting: string}} options styles: address of the style sheet
 */
export function embedElements(container, { styles, placeholder, greeting }) {
  const host = create("div", { class: "stream-ui" });
  const root = host.attachShadow({ mode: "open" });
  const header = headerElements();
  const transcript = transcriptElements(greeting);
  const composer = composerElements(placeholder);
  const announcer = create("div", { class: "visually-hidden", role: "log", "aria-live": "polite" });
  const toEnd = iconButton("down", "Go to the end", () => {});
  toEnd.className = "to-end";
  toEnd.hidden = true;
  const { viewport } = transcript;
  const footer = create("div", { class: "footer" }, toEnd, composer.form);
  const chat = create("div", { class: "embed", hidden: true }, header.bar, viewport, footer, announcer);
  const style = create("link", { rel: "stylesheet", href: styles, crossorigin: "anonymous" });
  for (const end of ["load", "error"]) style.addEventListener(end, () => (chat.hidden = false));
  root.append(style, embedSymbols(), chat);
  container.append(host);
  return { host, root, viewport, toEnd, announcer, header, transcript, composer };
}

function headerElements() {
  const [text, detail] = [create("span", { class: "connection-text" }), create("span", { class: "connection-detail" })];
  const retry = create("button", { class: "connection-retry", type: "button", hidden: true }, "Retry now");
  const chip = create("div", { class: "connection", "data-state": "connecting" }, create("span", { class: "connection-dot" }), text, detail, retry);
  const model = create("p", { class: "model" });
  const bar = create("div", { class: "header" }, create("div", { class: "heading" }, model), chip);
  return { bar, chip, text, detail, retry, model };
}

/** @param {string} greeting */
function transcriptElements(greeting) {
  const welcome = create("section", { class: "welcome column" }, create("p", { class: "welcome-title" }, greeting));
  const loading = create("p", { class: "loading column", role: "status", hidden: true });
  const [troubleTitle, troubleText] = [create("p", { class: "trouble-title" }), create("p", { class: "trouble-text" })];
  const troubleButton = create("button", { class: "offer offer-first", type: "button" });
  const trouble = create("section", { class: "trouble column", hidden: true }, troubleTitle, troubleText, troubleButton);
  const list = create("ol", { class: "transcript column", "aria-label": "Conversation" });
  const viewport = create("section", { class: "viewport", tabindex: 0, "aria-label": "Chat" }, welcome, loading, trouble, list);
  return { viewport, list, welcome, loading, trouble, troubleTitle, troubleText, troubleButton, ...messageTemplates() };
}

/** @param {string} placeholder */
function composerElements(placeholder) {
  const hint = create("p", { class: "composer-hint", id: "hint" });
  const input = create("textarea", {
    class: "composer-input", rows: 1, placeholder, "aria-label": "Message", "aria-describedby": "hint", autocomplete: "off", dir: "auto",
  });
  const [label, stopLabel] = [create("span", { class: "composer-label" }, "Send"), create("span", { class: "composer-label" }, "Stop")];
  const button = create("button", { class: "composer-button", type: "submit", disabled: true }, icon("send"), label);
  const steerLabel = create("span", { class: "composer-label" }, "Steer now");
  const steerButton = create("button", { class: "composer-button composer-steer", type: "button", hidden: true }, icon("steer"), steerLabel);
  const stopButton = create("button", { class: "composer-button composer-stop", type: "button", hidden: true }, icon("stop"), stopLabel);
  const buttons = create("div", { class: "composer-buttons" }, button, steerButton, stopButton);
  const form = create("form", { class: "composer column", "data-mode": "idle" }, input, hint, buttons);
  return { form, input, button, label, steerButton, stopButton, stopLabel, hint };
}
