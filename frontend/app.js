/** Puts the page together. The only file that knows which parts are in use and where they stand in index.html. */

import { Attachments } from "./composer/attachments.js";
import { Drafts } from "./composer/drafts.js";
import { HeldTexts } from "./composer/held-texts.js";
import { Connection } from "./connection.js";
import { GuardedStorage } from "./guarded-storage.js";
import { registerServiceWorker } from "./installation.js";
import { KeptChat } from "./kept-chat.js";
import { Panels } from "./panels/panels.js";
import { KeptSettings } from "./panels/settings.js";
import { newGenerationId } from "./protocol/messages.js";
import { Announcer } from "./rendering/announcer.js";
import { ComposerView } from "./rendering/composer-view.js";
import { ConnectionView } from "./rendering/connection-view.js";
import { FrameBatcher } from "./rendering/frame-batcher.js";
import { Scroller } from "./rendering/scroller.js";
import { TranscriptView } from "./rendering/transcript-view.js";
import { SHORTCUTS } from "./shortcuts.js";
import { StreamUI } from "./stream-ui.js";
import { TransportChoice } from "./transport-choice.js";
import { PollingTransport } from "./transports/polling.js";
import { EventStreamTransport } from "./transports/sse.js";
import { WebSocketTransport } from "./transports/websocket.js";
import { WakeObserver } from "./wake-observer.js";

/** @typedef {import("./connection.js").Clock} Clock */
/** @typedef {import("./transport-choice.js").TransportKind} TransportKind */
/** @typedef {import("./transports/websocket.js").Transport} Transport */
/** @typedef {import("./transports/websocket.js").TransportDelegate} TransportDelegate */

/** @type {Clock} */
const clock = {
  now: () => performance.now(),
  setTimeout: (then, ms) => window.setTimeout(then, ms),
  clearTimeout: (timer) => window.clearTimeout(/** @type {number} */ (timer)),
};

const storage = new GuardedStorage(() => localStorage);
const channels = new URL("/channel", location.href).href;

/** @type {Record<TransportKind, (delegate: TransportDelegate) => Transport>} */
const transports = {
  websocket: (delegate) => new WebSocketTransport(socketAddress(), delegate),
  sse: (delegate) => new EventStreamTransport(channels, delegate),
  polling: (delegate) => new PollingTransport(channels, delegate),
};

const connection = new Connection({
  openTransport: (kind, delegate) => transports[kind](delegate),
  choice: new TransportChoice(storage, Date.now),
  clock,
  random: Math.random,
  logIn: () => location.assign("/login"),
});

const settings = new KeptSettings(storage);
const composerInput = element("composer-input", HTMLTextAreaElement);
const held = new HeldTexts(element("composer-held", HTMLElement), () => composerInput.dispatchEvent(new Event("input", { bubbles: true })));

const streamUI = new StreamUI({
  connection,
  kept: new KeptChat(storage, window, newGenerationId),
  composer: new ComposerView({
    form: element("composer", HTMLFormElement),
    input: composerInput,
    button: element("composer-button", HTMLButtonElement),
    label: element("composer-label", HTMLElement),
    hint: element("composer-hint", HTMLElement),
    held,
  }),
  transcript: new TranscriptView(
    {
      list: element("transcript", HTMLElement),
      welcome: element("welcome", HTMLElement),
      template: element("exchange-template", HTMLTemplateElement),
    },
    new FrameBatcher(requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window)),
    new Scroller(element("viewport", HTMLElement), element("to-end", HTMLElement)),
  ),
  connectionView: new ConnectionView(
    {
      chip: element("connection", HTMLElement),
      text: element("connection-text", HTMLElement),
      detail: element("connection-detail", HTMLElement),
      retry: element("connection-retry", HTMLButtonElement),
      model: element("model", HTMLElement),
    },
    clock,
    () => navigator.onLine,
  ),
  announcer: new Announcer(element("announcer", HTMLElement)),
  clock,
  newId: newGenerationId,
  settings,
});

const panels = new Panels({
  button: element("settings-button", HTMLButtonElement),
  helpButton: element("help-button", HTMLButtonElement),
  connection,
  settings,
  storage,
  clock,
  shortcuts: SHORTCUTS,
  copyText: (text) => navigator.clipboard.writeText(text),
});

const attachments = new Attachments({
  form: element("composer", HTMLFormElement),
  input: composerInput,
  button: element("attach-button", HTMLButtonElement),
  chooser: element("attach-chooser", HTMLInputElement),
  held,
  notice: element("composer-notice", HTMLElement),
});

const drafts = new Drafts(storage, composerInput, clock, held);

element("new-chat", HTMLButtonElement).addEventListener("click", () => streamUI.startNewChat());
new WakeObserver({ pageWoke: () => connection.wake(), pageSlept: () => [streamUI, drafts].forEach((part) => part.save()) }).start();
panels.start();
attachments.start();
connection.observe((state) => {
  if (state.name === "connected" && state.welcome.limits?.frame_bytes) attachments.showLimit(state.welcome.limits.frame_bytes);
});
streamUI.start();
drafts.start();
drafts.open("chat");
void registerServiceWorker();

function socketAddress() {
  const address = new URL("/ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${type.name} with the id ${id}`);
}
