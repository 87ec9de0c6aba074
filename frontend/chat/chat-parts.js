/** Type of the parts that `ChatApp` and its modules share: parts of the page, the browser and the connection. */

/**
 * @typedef {object} Parts
 * @property {import("../connection.js").Connection} connection
 * @property {import("../conversations/api.js").ConversationsApi} api
 * @property {import("../conversations/outbox.js").Outbox} outbox
 * @property {import("../conversations/instructions.js").Instructions} instructions
 * @property {import("../library-ui.js").LibraryUI} libraryUI
 * @property {import("../address.js").Address} address
 * @property {import("../rendering/composer-view.js").ComposerView} composer
 * @property {import("../conversations/queue.js").Queue} queue
 * @property {import("../composer/queue-view.js").QueueView} queueView
 * @property {import("../rendering/transcript-view.js").TranscriptView} transcript
 * @property {import("../rendering/connection-view.js").ConnectionView} connectionView
 * @property {import("../rendering/model-picker.js").ModelPicker} [modelPicker]
 * @property {import("../rendering/arriving-view.js").ArrivingView} [arriving]
 * @property {import("../rendering/announcer.js").Announcer} announcer
 * @property {import("../ui/toast-view.js").ToastView} toasts
 * @property {import("../rendering/page-title.js").PageTitle} pageTitle
 * @property {import("../composer/context-choice-view.js").ContextChoiceView} [contextChoice]
 * @property {import("../composer/context-meter.js").ContextMeter} [contextMeter]
 * @property {import("../composer/effort-choice.js").EffortChoice} [effortChoice]
 * @property {import("../panels/settings.js").KeptSettings} [newChatSettings] settings of the next new chat
 * @property {import("../composer/draft-ahead.js").DraftAhead} [draftAhead]
 * @property {import("../rendering/temporary-view.js").TemporaryView} [temporary]
 * @property {import("../conversations/comparisons.js").Comparisons} [comparisons]
 * @property {import("../rendering/comparison-view.js").ComparisonView} [comparison]
 * @property {import("../composer/compare-setup.js").CompareSetup} [compareSetup]
 * @property {(text: string) => Promise<boolean>} copy
 * @property {import("../connection.js").Clock} clock
 * @property {() => string} newId
 */
