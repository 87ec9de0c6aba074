/** Connection of the library and the sidebar's list: carries out the list's commands and offers to undo them. */

import { ApiError, mayPass, reasonFor } from "./conversations/api-error.js";
import { MOST_BYTES, canRetry, typeOf } from "./conversations/importing.js";
import { UNTITLED } from "./rendering/conversation-row.js";
import { outcome, refusal } from "./words/import-words.js";

/** @typedef {import("./conversations/api.js").Imported} Imported */
/** @typedef {import("./conversations/importing.js").ImportType} ImportType */
/** @typedef {import("./conversations/library.js").Holdings} Holdings */
/** @typedef {import("./conversations/library.js").LibraryDelegate} LibraryDelegate */
/** @typedef {import("./conversations/library.js").Library} Library */
/** @typedef {import("./rendering/conversation-list-view.js").ListDelegate} ListDelegate */
/** @typedef {import("./rendering/sidebar-view.js").SidebarDelegate} SidebarDelegate */
/** @typedef {import("./ui/toast-view.js").Toast} Toast */
/**
 * @typedef {object} LibraryParts
 * @property {Library} library
 * @property {{
 *   exportAddress: (id: string | null, format?: "json" | "markdown") => string,
 *   import: (body: Blob, type: ImportType) => Promise<Imported>,
 * }} api
 * @property {{
 *   start: (delegate: ListDelegate) => void, stop: () => void, show: (holdings: Holdings) => void, mark: (open: string | null) => void,
 *   reveal: (id: string) => void, shown: () => void,
 * }} list
 * @property {{start: (delegate: SidebarDelegate) => void, stop: () => void, close: () => void}} sidebar
 * @property {{show: (toast: Toast) => void}} toasts
 * @property {{start: (delegate: {filesChosen: (files: File[]) => void, allWanted: () => void}) => void, stop: () => void, download: (address: string) => void}} files
 */
/**
 * @typedef {object} LibraryUIDelegate
 * @property {(id: string, message: string | null) => void} conversationChosen
 * @property {(id: string) => void} conversationRemoved
 * @property {(id: string) => boolean} conversationRestored returns whether this browser has unsent messages of it
 * @property {(id: string) => void} conversationReturned called when the server has it again
 * @property {() => void} libraryShown
 */

/** @implements {LibraryDelegate} @implements {ListDelegate} */
export class LibraryUI {
  #parts;
  /** @type {LibraryUIDelegate | null} */
  #delegate = null;

  /** @param {LibraryParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @param {LibraryUIDelegate} delegate */
  start(delegate) {
    this.#delegate = delegate;
    this.#parts.library.start(this);
    this.#parts.list.start(this);
    this.#parts.sidebar.start(this);
    this.#parts.files.start(this);
    this.libraryChanged();
  }

  stop() {
    this.#parts.files.stop();
    this.#parts.sidebar.stop();
    this.#parts.list.stop();
    this.#parts.library.stop();
  }

  get library() {
    return this.#parts.library;
  }

  /** @param {string | null} open id of the open conversation */
  mark(open) {
    this.#parts.list.mark(open);
  }

  libraryChanged() {
    this.#parts.list.show(this.#parts.library.holdings);
    this.#delegate?.libraryShown();
  }

  sidebarShown() {
    this.#parts.list.shown();
  }

  /** @param {string} text */
  sidebarSearched(text) {
    this.#parts.library.search(text);
  }

  /**
   * @param {string} id
   * @param {string | null} message
   */
  listOpened(id, message) {
    this.#parts.sidebar.close();
    this.#delegate?.conversationChosen(id, message);
  }

  /**
   * @param {string} id
   * @param {string} title
   */
  listRenamed(id, title) {
    this.#try("Couldn't rename.", () => this.#parts.library.change(id, { title }));
  }

  /**
   * @param {string} id
   * @param {boolean} pinned
   */
  listPinned(id, pinned) {
    this.#try(pinned ? "Couldn't pin." : "Couldn't unpin.", () => this.#parts.library.change(id, { pinned }));
  }

  /**
   * @param {string} id
   * @param {"json" | "markdown"} format
   */
  listExported(id, format) {
    this.#parts.files.download(this.#parts.api.exportAddress(id, format));
  }

  /** @param {string} id */
  listDeleted(id) {
    const title = this.#parts.library.find(id)?.title || UNTITLED;
    this.#try(`Couldn't delete “${title}”.`, async () => {
      await this.#remove(id);
      this.#parts.toasts.show({ text: `Deleted “${title}”`, action: { label: "Undo", act: () => this.#restore(id) } });
    });
  }

  /**
   * Delete a conversation. If the server can't delete it, the list shows it again.
   * @param {string} id
   */
  async #remove(id) {
    this.#delegate?.conversationRemoved(id);
    try {
      await this.#parts.library.remove(id);
    } catch (error) {
      this.#delegate?.conversationRestored(id);
      this.#delegate?.conversationReturned(id);
      throw error;
    }
  }

  listRetried() {
    this.#parts.library.refresh();
  }

  listReachedEnd() {
    this.#parts.library.more();
  }

  allWanted() {
    this.#parts.files.download(this.#parts.api.exportAddress(null));
  }

  /**
   * Import files one after the other: the server accepts one import at a time.
   * @param {File[]} files
   */
  async filesChosen(files) {
    for (const file of files) await this.#import(file);
  }

  /** @param {File} file */
  async #import(file) {
    const { api, toasts } = this.#parts;
    try {
      if (file.size > MOST_BYTES) throw new ApiError("", { status: 413 });
      this.#imported(file.name, await api.import(file, typeOf(file.name)));
    } catch (error) {
      const retry = { action: { label: "Try again", act: () => void this.#import(file) } };
      toasts.show({ text: refusal(file.name, error), tone: "bad", ...(canRetry(error) ? retry : {}) });
    }
  }

  /**
   * @param {string} name
   * @param {Imported} imported
   */
  #imported(name, imported) {
    for (const summary of imported.imported) this.#parts.library.onSummary(summary);
    if (imported.imported[0]) this.#parts.list.reveal(imported.imported[0].id);
    this.#parts.toasts.show(outcome(name, imported));
    const [only] = imported.imported;
    if (only && imported.imported.length === 1) this.listOpened(only.id, null);
  }

  /** @param {string} id */
  #restore(id) {
    const isUnsent = this.#delegate?.conversationRestored(id) ?? false;
    this.#try("Couldn't undo.", async () => {
      await this.#parts.library.restore(id).catch((error) => {
        if (!isUnsent || error.status !== 404) throw error;
      });
      this.#parts.list.reveal(id);
      this.#delegate?.conversationReturned(id);
    });
  }

  /**
   * Carry out an action. If it fails, show the reason with a button to try again.
   * @param {string} trouble
   * @param {() => Promise<void>} act
   */
  async #try(trouble, act) {
    try {
      await act();
    } catch (error) {
      const action = mayPass(error) ? { label: "Try again", act: () => this.#try(trouble, act) } : undefined;
      this.#parts.toasts.show({ text: `${trouble} ${reasonFor(error)}`, tone: "bad", action });
    }
  }
}
