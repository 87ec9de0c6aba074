/** What Chromium loads over the network while something is done, in the order in which it could begin. */

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {{path: string, isPage: boolean, isFromMarkup: boolean, bytes: number}} Load */

/** What the running page asks for: it is usable before. */
const DATA = /^\/(?:api|ws|channel|generations)(?:\/|$)|^\/service-worker\.js$/;
/** What the browser loads for itself, when it likes: the tab's icon, the manifest. */
const BESIDES = ["Other", "Manifest"];

export class StartRecord {
  /** @type {Map<string, Load>} */
  #loads = new Map();

  /**
   * @param {ChatPage} chat
   * @param {() => Promise<unknown>} act
   */
  static async of(chat, act) {
    const record = new StartRecord();
    const devtools = await chat.page.devtools.createCDPSession();
    await devtools.send("Network.enable");
    devtools.on("Network.requestWillBeSent", ({ requestId, request, type, initiator }) => {
      const path = new URL(request.url).pathname;
      if (DATA.test(path) || BESIDES.includes(type ?? "") || !request.url.startsWith("http")) return;
      record.#loads.set(requestId, { path, isPage: type === "Document", isFromMarkup: initiator.type === "parser", bytes: 0 });
    });
    devtools.on("Network.requestServedFromCache", ({ requestId }) => record.#loads.delete(requestId));
    devtools.on("Network.responseReceived", ({ requestId, response }) => {
      if (response.fromDiskCache || response.fromPrefetchCache) record.#loads.delete(requestId);
    });
    devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const load = record.#loads.get(requestId);
      if (load) load.bytes = encodedDataLength;
    });
    await act();
    await devtools.detach();
    return record;
  }

  /** The page itself. */
  get first() {
    return this.#paths(({ isPage }) => isPage);
  }

  /** What the page's markup names, so that it is asked for all at once. */
  get second() {
    return this.#paths(({ isPage, isFromMarkup }) => !isPage && isFromMarkup);
  }

  /** What only a script or a style asks for, once it has arrived. */
  get later() {
    return this.#paths(({ isPage, isFromMarkup }) => !isPage && !isFromMarkup);
  }

  get bytes() {
    return [...this.#loads.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get text() {
    return [...this.#loads.values()].map((load) => JSON.stringify(load)).join("\n");
  }

  /** @param {(load: Load) => boolean} isMeant */
  #paths(isMeant) {
    return [...this.#loads.values()].filter(isMeant).map(({ path }) => path);
  }
}
