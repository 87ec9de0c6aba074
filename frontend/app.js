/**
 * Entry point: build the page's parts and connect them. Only this file names every part and its elements in index.html.
 */

import { Address, loginAddressOf } from "./address.js";
import { ChatApp } from "./chat-app.js";
import { CompareSetup } from "./composer/compare-setup.js";
import { Attachments } from "./composer/attachments.js";
import { ContextChoiceView } from "./composer/context-choice-view.js";
import { ContextMeter } from "./composer/context-meter.js";
import { DraftAhead } from "./composer/draft-ahead.js";
import { Drafts } from "./composer/drafts.js";
import { EffortChoice } from "./composer/effort-choice.js";
import { HeldTexts } from "./composer/held-texts.js";
import { BrowserPdf } from "./composer/pdf-library.js";
import { PdfReader } from "./composer/pdf-reader.js";
import { QueueView } from "./composer/queue-view.js";
import { SettingsChips } from "./composer/settings-chips.js";
import { Comparisons } from "./conversations/comparisons.js";
import { ConversationsApi } from "./conversations/api.js";
import { Library } from "./conversations/library.js";
import { Instructions } from "./conversations/instructions.js";
import { Outbox } from "./conversations/outbox.js";
import { Queue } from "./conversations/queue.js";
import { GuardedStorage } from "./guarded-storage.js";
import { registerServiceWorker } from "./installation.js";
import { LibraryUI } from "./library-ui.js";
import { ModelsApi } from "./panels/models-api.js";
import { Panels } from "./panels/panels.js";
import { Presets } from "./panels/presets.js";
import { KeptSettings } from "./panels/settings.js";
import { newId } from "./protocol/messages.js";
import { Announcer } from "./rendering/announcer.js";
import { copyText } from "./ui/clipboard.js";
import { ComparisonView } from "./rendering/comparison-view.js";
import { ComposerView } from "./rendering/composer-view.js";
import { ConnectionView } from "./rendering/connection-view.js";
import { ConversationListView } from "./rendering/conversation-list-view.js";
import { FilesView } from "./rendering/files-view.js";
import { FrameBatcher } from "./ui/frame-batcher.js";
import { MarkdownText } from "./rendering/markdown-text.js";
import { IdleQueue } from "./rendering/markdown/idle-queue.js";
import { MenuView } from "./ui/menu-view.js";
import { messageTemplates } from "./rendering/message-templates.js";
import { ArrivingView } from "./rendering/arriving-view.js";
import { modelOptions } from "./rendering/model-choices.js";
import { ModelPicker } from "./rendering/model-picker.js";
import { NearObserver } from "./rendering/near-observer.js";
import { TemporaryView } from "./rendering/temporary-view.js";
import { PageTitle } from "./rendering/page-title.js";
import { PrintObserver } from "./rendering/print-observer.js";
import { Scroller } from "./rendering/scroller.js";
import { SidebarView } from "./rendering/sidebar-view.js";
import { TextViewer } from "./rendering/text-viewer.js";
import { ToastView } from "./ui/toast-view.js";
import { TranscriptView } from "./rendering/transcript-view.js";
import { pageBindings } from "./page-bindings.js";
import { ROOT_PATH } from "./root-path.js";
import { clock, connectionTo } from "./server-connection.js";
import { Shortcuts } from "./shortcuts.js";
import { WakeObserver } from "./wake-observer.js";

const address = new Address(window);
const storage = new GuardedStorage(() => localStorage, ROOT_PATH);
const connection = connectionTo(`${location.origin}${ROOT_PATH}`, {
  storage,
  logIn: () => location.assign(loginAddressOf(address.conversation)),
});
const api = new ConversationsApi((url, request) => fetch(url, request), clock);
const modelsApi = new ModelsApi((url, request) => fetch(url, request), clock);
const toasts = new ToastView(element("toasts", HTMLElement), clock);
const sidebar = new SidebarView({
  sidebar: element("sidebar", HTMLElement),
  scrim: element("scrim", HTMLElement),
  rest: element("main", HTMLElement),
  openButton: element("sidebar-open", HTMLButtonElement),
  closeButton: element("sidebar-close", HTMLButtonElement),
  search: element("search", HTMLInputElement),
  clearButton: element("search-clear", HTMLButtonElement),
}, storage);
const libraryUI = new LibraryUI({
  library: new Library(api, clock),
  api,
  list: new ConversationListView(
    {
      list: element("conversations", HTMLElement),
      words: element("conversations-words", HTMLElement),
      retry: element("conversations-retry", HTMLButtonElement),
      end: element("conversations-end", HTMLElement),
    },
    new MenuView(element("sidebar", HTMLElement)),
  ),
  sidebar,
  toasts,
  files: new FilesView({
    importButton: element("import", HTMLButtonElement),
    exportButton: element("export", HTMLButtonElement),
    chooser: element("import-files", HTMLInputElement),
  }),
});

const announcer = new Announcer(element("announcer", HTMLElement), clock, () => document.hidden);
const viewport = element("viewport", HTMLElement);
const messageMenu = new MenuView(viewport);
const composerInput = element("composer-input", HTMLTextAreaElement);
const viewer = new TextViewer(copyText);
const held = new HeldTexts(
  element("composer-held", HTMLElement),
  () => composerInput.dispatchEvent(new Event("input", { bubbles: true })),
  (file) => viewer.open(file),
);
const drafts = new Drafts(storage, composerInput, clock, held);
const openers = { openFile: viewer.open.bind(viewer), openMenu: (/** @type {Parameters<MenuView["open"]>} */ ...menu) => messageMenu.open(...menu) };
const comparison = new ComparisonView(
  element("comparison", HTMLElement),
  new FrameBatcher(requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window)),
  openers,
  () => chatApp,
);
const compareSetup = new CompareSetup(
  {
    button: element("compare-button", HTMLButtonElement),
    area: element("compare-setup", HTMLElement),
    list: element("compare-list", HTMLElement),
    addButton: element("compare-add", HTMLButtonElement),
  },
  { presets: () => new Presets(storage).all, model: () => chatApp.settings.model, ready: () => composer.focus() },
);
const transcript = new TranscriptView(
  {
    list: element("transcript", HTMLElement),
    welcome: element("welcome", HTMLElement),
    loading: element("loading", HTMLElement),
    trouble: element("trouble", HTMLElement),
    troubleTitle: element("trouble-title", HTMLElement),
    troubleText: element("trouble-text", HTMLElement),
    troubleButton: element("trouble-button", HTMLButtonElement),
    ...messageTemplates(),
  },
  new FrameBatcher(requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window)),
  new Scroller(viewport, element("to-end", HTMLElement)),
  new NearObserver(viewport),
  new IdleQueue(),
  messageMenu,
  (file) => viewer.open(file),
);
const composer = new ComposerView({
  form: element("composer", HTMLFormElement),
  input: composerInput,
  button: element("composer-button", HTMLButtonElement),
  label: element("composer-label", HTMLElement),
  steerButton: element("composer-steer", HTMLButtonElement),
  stopButton: element("composer-stop", HTMLButtonElement),
  stopLabel: element("composer-stop-label", HTMLElement),
  hint: element("composer-hint", HTMLElement),
  held,
});
const chatApp = new ChatApp({
  connection,
  api,
  outbox: new Outbox(storage, window, ROOT_PATH),
  instructions: new Instructions(storage),
  queue: new Queue(storage, window, ROOT_PATH),
  queueView: new QueueView({
    area: element("queue", HTMLElement),
    words: element("queue-words", HTMLElement),
    list: element("queue-list", HTMLElement),
  }),
  libraryUI,
  address,
  composer,
  transcript,
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
  arriving: new ArrivingView({
    line: element("arriving", HTMLElement),
    words: element("arriving-words", HTMLElement),
    bar: element("arriving-bar", HTMLProgressElement),
  }),
  modelPicker: new ModelPicker(
    {
      button: element("model-picker", HTMLButtonElement),
      chosen: element("model-picker-name", HTMLElement),
      name: element("model", HTMLElement),
    },
    {
      list: () => modelsApi.list(),
      manage: () => panels.showModelList(),
      download: (source) => panels.download(source),
    },
  ),
  announcer,
  toasts,
  pageTitle: new PageTitle(document, element("title", HTMLElement)),
  contextChoice: new ContextChoiceView({
    box: element("context-choice", HTMLElement),
    words: element("context-words", HTMLElement),
    summarize: element("context-summarize", HTMLButtonElement),
    stop: element("context-stop", HTMLButtonElement),
    drop: element("context-drop", HTMLButtonElement),
    elsewhere: element("context-elsewhere", HTMLButtonElement),
  }),
  effortChoice: new EffortChoice(element("composer-effort", HTMLSelectElement)),
  contextMeter: new ContextMeter(
    { meter: element("context-meter", HTMLElement), arc: /** @type {SVGElement} */ (document.querySelector(".context-arc")), figures: element("context-figures", HTMLElement) },
    new FrameBatcher(requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window)),
  ),
  newChatSettings: new KeptSettings(storage),
  temporary: new TemporaryView({ button: element("temporary-chat", HTMLButtonElement), notice: element("temporary-notice", HTMLElement) }),
  draftAhead: new DraftAhead({ input: composerInput, document, composer, connection, storage, clock }),
  comparisons: new Comparisons(storage, window, ROOT_PATH),
  comparison,
  compareSetup,
  copy: copyText,
  clock,
  newId,
});

const shortcuts = new Shortcuts(document, /Mac|iPhone|iPad/.test(navigator.platform));
shortcuts.add(...pageBindings({ chatApp, composerInput, sidebar, newChat }));

const panels = new Panels({
  button: element("settings-button", HTMLButtonElement),
  helpButton: element("help-button", HTMLButtonElement),
  connection,
  settings: {
    get settings() {
      return chatApp.settings;
    },
    set: (settings) => {
      chatApp.set(settings);
      chips.show(settings);
    },
    choose: (model) => chatApp.modelChosen(model),
  },
  modelsApi,
  storage,
  clock,
  shortcuts: shortcuts.table,
  copyText: async (text) => {
    if (!(await copyText(text))) throw new Error("The browser does not allow this page to copy.");
  },
});
const chips = new SettingsChips(
  {
    area: element("chips", HTMLElement),
    list: element("chips-list", HTMLElement),
    question: element("chips-question", HTMLElement),
  },
  storage,
  {
    settingChosen: (name) => panels.reveal(name),
    settingsReset: (settings) => {
      chatApp.set(settings);
      panels.showSettings();
      composer.focus();
    },
  },
);
const attachments = new Attachments({
  form: element("composer", HTMLFormElement),
  input: composerInput,
  button: element("attach-button", HTMLButtonElement),
  chooser: element("attach-chooser", HTMLInputElement),
  held,
  pdfs: new PdfReader({ library: new BrowserPdf(), clock }),
  notice: element("composer-notice", HTMLElement),
});

for (const id of ["new-chat", "new-chat-short"]) element(id, HTMLButtonElement).addEventListener("click", newChat);
element("temporary-chat", HTMLButtonElement).addEventListener("click", () => {
  sidebar.close();
  chatApp.startTemporaryChat();
});
addEventListener("beforeunload", (event) => {
  if (chatApp.wouldLose) event.preventDefault();
});
new PrintObserver(window).start(() => {
  transcript.prepareWhole();
  comparison.prepareWhole();
  MarkdownText.paintWaiting();
});
new WakeObserver({ pageWoke: woke, pageSlept: () => drafts.save() }).start();
shortcuts.start();
panels.start();
viewer.start();
attachments.start();
connection.observe((state) => {
  if (state.name === "connected" && state.welcome.limits?.frame_bytes) attachments.showLimit(state.welcome.limits.frame_bytes);
});
drafts.start();
chatApp.start({
  conversationOpened: (id) => {
    drafts.open(chatApp.isTemporary ? null : (id ?? "new"));
    chips.opened(id === null, chatApp.settings);
  },
  settingsShown: () => {
    panels.showSettings();
    chips.show(chatApp.settings);
  },
  modelsShown: (models) => {
    panels.showModels(models);
    compareSetup.offerModels(modelOptions(models));
  },
});
void registerServiceWorker();
new IdleQueue().add(() => MarkdownText.warmUp());

function woke() {
  connection.wake();
  announcer.shown();
}

function newChat() {
  sidebar.close();
  chatApp.startNewChat();
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
