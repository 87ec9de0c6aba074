/** Types of the parts that StreamUI needs: page, browser and connection. */

/** @typedef {import("./address.js").AddressDelegate} AddressDelegate */
/** @typedef {import("./connection.js").Clock} Clock */
/** @typedef {import("./connection.js").ConnectionDelegate} ConnectionDelegate */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./conversations/api.js").ConversationDocument} ConversationDocument */
/** @typedef {import("./composer/context-choice-view.js").ContextChoice} ContextChoice */
/** @typedef {import("./conversations/api.js").ContextCount} ContextCount */
/** @typedef {import("./conversations/api.js").Settings} Settings */
/** @typedef {import("./conversations/library.js").Library} Library */
/** @typedef {import("./conversations/message-commands.js").ActedView} ActedView */
/** @typedef {import("./conversations/message-commands.js").CommandParts} CommandParts */
/** @typedef {import("./conversations/outbox.js").Outbox} Outbox */
/** @typedef {import("./conversations/presenting.js").Shown} Shown */
/** @typedef {import("./conversations/queue.js").Queue} Queue */
/** @typedef {import("./conversations/queue.js").Queued} Queued */
/** @typedef {import("./composer/queue-view.js").QueueViewDelegate} QueueViewDelegate */
/** @typedef {import("./library-ui.js").LibraryUIDelegate} LibraryUIDelegate */
/** @typedef {import("./protocol/messages.js").Generate} Generate */
/** @typedef {import("./rendering/composer-view.js").ComposerDelegate} ComposerDelegate */
/** @typedef {import("./rendering/composer-view.js").ComposerMode} ComposerMode */
/** @typedef {import("./rendering/status-line.js").StatusLine} StatusLine */
/** @typedef {import("./rendering/toast-view.js").Toast} Toast */
/** @typedef {import("./rendering/transcript-view.js").TranscriptDelegate} TranscriptDelegate */
/** @typedef {import("./rendering/transcript-view.js").Trouble} Trouble */

/**
 * @typedef {ActedView & {
 *   append: (text: string) => void, rewrite: (text: string) => void, showStatus: (line: StatusLine | null) => void,
 * }} ShownView
 */
/**
 * @typedef {object} Parts
 * @property {{
 *   start: (delegate: ConnectionDelegate) => void, stop: () => void, retryNow: () => void, watch: () => void,
 *   generate: (request: Generate | import("./protocol/messages.js").PlainGenerate, mayBeThere?: boolean) => void, follow: (id: string) => void, detach: (id: string) => void,
 *   cancel: (id: string) => void,
 * }} connection
 * @property {CommandParts["api"] & {
 *   read: (id: string) => Promise<ConversationDocument>, create: (id: string, settings: Settings) => Promise<ConversationDocument>,
 *   restore: (id: string) => Promise<unknown>, context: (id: string, parent: string) => Promise<ContextCount>,
 *   changeMessage: (id: string, message: string, change: {summary: string | null}) => Promise<unknown>,
 * }} api
 * @property {Outbox} outbox
 * @property {{start: (delegate: LibraryUIDelegate) => void, stop: () => void, mark: (open: string | null) => void, readonly library: Library}} libraryUI
 * @property {{
 *   start: (delegate: AddressDelegate) => void, stop: () => void, go: (conversation: string | null) => void,
 *   readonly conversation: string | null,
 * }} address
 * @property {CommandParts["composer"] & {
 *   start: (delegate: ComposerDelegate) => void, stop: () => void, show: (mode: ComposerMode) => void,
 *   prepend: (text: string) => void,
 * }} composer
 * @property {Queue} queue
 * @property {{start: (delegate: QueueViewDelegate) => void, show: (items: Queued[], words: string, mayBeSent: boolean) => void}} queueView
 * @property {{
 *   start: (delegate: TranscriptDelegate) => void, stop: () => void, show: (messages: Shown[]) => void, clear: () => void,
 *   showWelcome: () => void, showLoading: () => void, showTrouble: (trouble: Trouble) => void, follow: () => void,
 *   find: (id: string) => ShownView | undefined, focus: (id: string) => void, reveal: (id: string, query?: string) => void,
 *   whenQuiet: (then: () => void) => void, readonly focused: string | null,
 * }} transcript
 * @property {{
 *   start: (delegate: {connectionRetried: () => void}) => void, stop: () => void, show: (state: ConnectionState) => void,
 * }} connectionView
 * @property {{
 *   say: (state: string) => void, wrote: (text: string) => void, ended: (state: string) => void, forget: () => void,
 * }} announcer
 * @property {{show: (toast: Toast) => void}} toasts
 * @property {{show: (title: string, isWriting: boolean, others: number) => void}} pageTitle
 * @property {{
 *   start: (delegate: {contextChosen: (choice: ContextChoice) => void}) => void, stop: () => void,
 *   show: (isAsked: boolean, progress: import("./conversations/summarizer.js").SummaryProgress | null) => void,
 * }} [contextChoice]
 * @property {{show: (count: ContextCount | null) => void}} [contextMeter]
 * @property {{readonly settings: Settings, set: (settings: Settings) => void}} [newChatSettings] settings of the next
 *   new chat
 * @property {(text: string) => Promise<boolean>} copy
 * @property {Clock} clock
 * @property {() => string} newId
 */

export {};
