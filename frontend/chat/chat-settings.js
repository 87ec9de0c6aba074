/** Settings of the open conversation: changes them, saves them on the server, and reports them to the page. */

import { SettingsSaver } from "./settings-saver.js";

/** @typedef {import("../conversations/api.js").Settings} Settings */
/**
 * @typedef {object} SettingsHooks
 * @property {() => import("../conversations/open-conversation.js").OpenConversation} open
 * @property {(before: Settings) => void} changing called before the user changes them
 * @property {() => void} shown called when the page should show them, because they have changed
 */

export class ChatSettings {
  #parts;
  #hooks;
  #saver;
  /** Settings that were reported last, so that none are reported twice. */
  #reported = "";

  /**
   * @param {import("./chat-parts.js").Parts} parts
   * @param {SettingsHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.#saver = new SettingsSaver({ ...parts, open: hooks.open });
  }

  /**
   * Use settings that the user has chosen where the page shows them already. Those set in a new chat also apply to the
   * next new chat.
   * @param {Settings} settings
   */
  set(settings) {
    const { outbox, newChatSettings } = this.#parts;
    const open = this.#hooks.open();
    this.#reported = JSON.stringify(settings);
    this.#hooks.changing(open.settings);
    open.set(settings);
    for (const parcel of outbox.of(open.id)) {
      if (parcel.create && !parcel.failure) outbox.put({ ...parcel, create: settings });
    }
    if (!open.isOnServer && !open.isTemporary) newChatSettings?.set(settings);
    this.#saver.save();
  }

  /** Send unsaved settings to the server, if it has the conversation. */
  save() {
    this.#saver.save();
  }

  /** Send unsaved settings to the server, even if it could not save them before. */
  saveAgain() {
    this.#saver.saveAgain();
  }

  /** Report the settings if they have changed since the last report. */
  report() {
    const settings = JSON.stringify(this.#hooks.open().settings);
    if (settings === this.#reported) return;
    this.#reported = settings;
    this.#hooks.shown();
  }
}
