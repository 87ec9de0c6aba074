/** Saves the settings of the open conversation on the server. */

import { mayPass, reasonFor } from "../conversations/api-error.js";

/** @typedef {import("../conversations/api.js").Settings} Settings */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/**
 * @typedef {object} SettingsSaverParts
 * @property {import("../conversations/api.js").ConversationsApi} api
 * @property {import("../ui/toast-view.js").ToastView} toasts
 * @property {() => OpenConversation} open
 */

export class SettingsSaver {
  #parts;
  /** @type {Settings | null} settings sent to the server last; after a failure they are sent again with the next connection only */
  #sent = null;
  #isSaving = false;

  /** @param {SettingsSaverParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Send unsaved settings to the server, if it has the conversation. */
  save() {
    const open = this.#parts.open();
    const { unsaved, isOnServer } = open;
    if (!unsaved || !isOnServer || this.#isSaving || unsaved === this.#sent) return;
    this.#sent = unsaved;
    this.#change(open, unsaved);
  }

  /** Send unsaved settings to the server, even if it could not save them before. */
  saveAgain() {
    this.#sent = null;
    this.save();
  }

  /**
   * Save settings on the server. After a temporary failure they are sent again with the next connection; refused ones
   * are dropped.
   * @param {OpenConversation} open
   * @param {Settings} settings
   */
  async #change(open, settings) {
    this.#isSaving = true;
    try {
      await this.#parts.api.change(open.id, { settings });
      open.settled(settings);
    } catch (error) {
      if (!mayPass(error)) open.settled(settings);
      const action = mayPass(error) ? { label: "Try again", act: () => this.saveAgain() } : undefined;
      this.#parts.toasts.show({ text: `Couldn't save the settings. ${reasonFor(error)}`, tone: "bad", action });
      if (!mayPass(error)) open.catchUp();
    } finally {
      this.#isSaving = false;
      this.save();
    }
  }
}
