/** Title of the browser tab: the chat's title, and how many answers are being written. */

export class PageTitle {
  #document;
  #heading;

  /**
   * @param {{title: string}} document
   * @param {{textContent: string | null}} heading the page's own heading, which shows the same title
   */
  constructor(document, heading) {
    this.#document = document;
    this.#heading = heading;
  }

  /**
   * @param {string} title "" if no chat is open
   * @param {boolean} isWriting true while an answer is being written in the open chat
   * @param {number} others number of other chats in which an answer is being written
   */
  show(title, isWriting, others) {
    const name = title === "" ? "StreamUI" : `${title} · StreamUI`;
    const mark = isWriting ? "✎ " : others > 0 ? `(${others}) ` : "";
    this.#heading.textContent = title || "New chat";
    if (this.#document.title !== mark + name) this.#document.title = mark + name;
  }
}
