/** Queue of the open conversation: what the user does with queued messages, and when they are sent. */

import { QueueRunner } from "../conversations/queue-runner.js";
import { describeQueue } from "../words/queue-words.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("./message-commands.js").Question} Question */
/**
 * @typedef {object} QueueHooks
 * @property {() => OpenConversation} open
 * @property {(question: Question) => void} ask sends a message in the open conversation
 * @property {(parcel: Parcel) => void} send sends a message to another conversation
 * @property {() => void} show shows the open conversation and its queue again
 */

export class QueueControl {
  #parts;
  #hooks;
  #runner;

  /**
   * @param {import("./chat-parts.js").Parts} parts
   * @param {QueueHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.#runner = new QueueRunner({ ...parts, ...hooks });
  }

  get runner() {
    return this.#runner;
  }

  /** Queue a message in the open conversation. @param {string} text */
  add(text) {
    this.#runner.add(text);
    this.#hooks.show();
    this.#parts.announcer.say(describeQueue(this.#runner.state, 1));
  }

  /** Show the queue after another tab has changed it. */
  queueChanged() {
    this.#hooks.show();
    this.#runner.sendElsewhere();
  }

  /** @param {string} id of a queued message to send now */
  queuedSent(id) {
    const { isGone, takesMessages } = this.#hooks.open();
    if (isGone || takesMessages) this.#runner.send(id);
    this.#hooks.show();
  }

  /** @param {string} id of a queued message to move back into the composer */
  queuedEdited(id) {
    const { queue, composer } = this.#parts;
    const item = queue.find(id);
    queue.remove(id);
    if (item) composer.prepend(item.content);
    this.#hooks.show();
    composer.focus();
  }

  /** @param {string} id */
  queuedRemoved(id) {
    const { queue, composer, announcer } = this.#parts;
    queue.remove(id);
    this.#hooks.show();
    announcer.say("Removed");
    composer.focus();
  }
}
