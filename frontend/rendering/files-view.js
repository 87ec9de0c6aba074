/** Export and import buttons: exports are downloaded, imports are chosen from disk. */

/** @typedef {{importButton: HTMLButtonElement, exportButton: HTMLButtonElement, chooser: HTMLInputElement}} FilesElements */
/** @typedef {{filesChosen: (files: File[]) => void, allWanted: () => void}} FilesDelegate */

export class FilesView {
  #elements;
  #observer = new AbortController();

  /** @param {FilesElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {FilesDelegate} delegate */
  start(delegate) {
    const { importButton, exportButton, chooser } = this.#elements;
    const { signal } = this.#observer;
    importButton.addEventListener("click", () => chooser.click(), { signal });
    exportButton.addEventListener("click", () => delegate.allWanted(), { signal });
    chooser.addEventListener("change", () => this.#chosen(delegate), { signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** Download from an address whose response is an attachment. @param {string} address */
  download(address) {
    const link = document.createElement("a");
    link.href = address;
    link.download = "";
    link.hidden = true;
    document.body.append(link);
    link.click();
    link.remove();
  }

  /** @param {FilesDelegate} delegate */
  #chosen(delegate) {
    const { chooser } = this.#elements;
    delegate.filesChosen([...(chooser.files ?? [])]);
    chooser.value = "";
  }
}
