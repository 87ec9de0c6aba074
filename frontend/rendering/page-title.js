/** What the browser's tab says: the conversation, and whether something is being written. */

export class PageTitle {
  #document;
  #heading;

  /**
   * @param {{title: string}} document
   * @param {{textContent: string | null}} heading where the page itself says what is open
   */
  constructor(document, heading) {
    this.#document = document;
    this.#heading = heading;
  }

  /**
   * @param {string} title "" where nothing is open
   * @param {boolean} isWriting here
   * @param {number} others that are being written in other conversations
   */
  show(title, isWriting, others) {
    const name = title === "" ? "StreamUI" : `${title} · StreamUI`;
    const mark = isWriting ? "✎ " : others > 0 ? `(${others}) ` : "";
    this.#heading.textContent = title || "New chat";
    if (this.#document.title !== mark + name) this.#document.title = mark + name;
  }
}
