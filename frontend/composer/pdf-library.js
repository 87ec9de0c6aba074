/**
 * Source of PDF.js on the server. It uses the build for older browsers, since Safari and Firefox ESR lack what the
 * other build needs.
 */

import { ROOT_PATH } from "../root-path.js";

/** @typedef {import("./pdf-reader.js").PdfLibrary} PdfLibrary */

const FOLDER = `${ROOT_PATH}/static/vendor/pdf/`;

export class BrowserPdf {
  characterMaps = new URL(`${FOLDER}cmaps/`, location.href).href;
  #worker = `${FOLDER}legacy/build/pdf.worker.min.mjs`;
  /** @type {{createScriptURL: (address: string) => string} | undefined} created once, since the security policy allows only one of this name */
  #policy;

  /** @type {() => Promise<PdfLibrary>} */
  load = async () => await import(`${FOLDER}legacy/build/pdf.min.mjs`);

  startWorker = () => {
    const { trustedTypes } = /** @type {{trustedTypes?: {createPolicy: Function}}} */ (/** @type {unknown} */ (globalThis));
    this.#policy ??= trustedTypes?.createPolicy("streamui-pdf", { createScriptURL: () => this.#worker });
    return new Worker(this.#policy?.createScriptURL(this.#worker) ?? this.#worker, { type: "module" });
  };
}
