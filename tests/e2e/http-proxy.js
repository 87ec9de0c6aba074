/** A proxy in front of the server, of the kinds that stand in offices and hotels: it lets through only some things. */

import { EventEmitter, once } from "node:events";
import { createServer, request as requestFrom } from "node:http";
import { connect } from "node:net";

import { DEADLINE_MS } from "./browsers/tab.js";

/** @typedef {import("node:http").IncomingMessage} IncomingMessage */
/** @typedef {import("node:http").ServerResponse} ServerResponse */
/** @typedef {import("node:net").Socket} Socket */

/** Where the page finds the prelude. */
const PRELUDE = "/prelude.js";

export class HttpProxy {
  /** Whether WebSockets get an answer that is none. */
  refusesUpgrades = false;
  /** Whether nobody answers there. */
  isDown = false;
  /** Whether event streams do. */
  refusesStreams = false;
  /** What it removes from the beginning of a path. */
  prefix = "";
  /** @type {(() => unknown) | undefined} runs in the page before anything of its own, from the next load on */
  prelude;
  /** @type {string[]} method and path of what came, the names of channels left out */
  requests = [];
  #arrivals = new EventEmitter();
  #port;
  #listener = createServer((near, answer) => this.#forward(near, answer));
  /** @type {Set<import("node:stream").Duplex>} */
  #lines = new Set();

  /** @param {number} port of the server on this machine */
  constructor(port) {
    this.#port = port;
    this.#listener.on("connection", (line) => this.#watch(line));
    this.#listener.on("upgrade", (request, near, head) => this.#upgrade(request, /** @type {Socket} */ (near), head));
  }

  /** @param {number} port of the server on this machine */
  static async start(port) {
    const proxy = new HttpProxy(port);
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    return proxy;
  }

  get address() {
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("The proxy does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  /**
   * Wait until a request has arrived that the browser sends at a time of its own, as when a page is left.
   * @param {string} request as in `requests`
   */
  async hasSeen(request) {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    while (!this.requests.includes(request)) await once(this.#arrivals, "request", { signal });
  }

  /** Ends everything that goes through it now. */
  cut() {
    for (const line of this.#lines) line.destroy();
  }

  /** Passes nothing on any more of what goes through it now, and ends nothing: as after a laptop's sleep. */
  stall() {
    for (const line of this.#lines) {
      line.unpipe();
      line.pause();
    }
  }

  async stop() {
    this.#listener.close();
    this.cut();
    await once(this.#listener, "close");
  }

  /** @param {string} request */
  #arrived(request) {
    this.requests.push(request);
    this.#arrivals.emit("request");
  }

  /**
   * @param {IncomingMessage} near
   * @param {ServerResponse} answer
   */
  #forward(near, answer) {
    const { method = "" } = near;
    const url = this.#unprefixed(near.url);
    const headers = { ...near.headers, "accept-encoding": "identity" };
    if (this.prelude) delete headers["if-none-match"]; // What the browser has is without it, or has an earlier one.
    this.#arrived(`${method} ${url.replace(/channel\/[^/?]+/, "channel/…")}`);
    if (this.refusesStreams && method === "GET" && /^[^?]*\/channel\b/.test(url) && !url.includes("/poll")) {
      answer.writeHead(502).end("The proxy does not pass this on");
      return;
    }
    if (this.prelude && url === PRELUDE) {
      answer.writeHead(200, { "Content-Type": "text/javascript" }).end(`(${this.prelude})()`);
      return;
    }
    // A line of its own for each: one that was used before may be closed by the server at the moment when it is used again.
    const far = requestFrom({ host: "127.0.0.1", port: this.#port, method, path: url, headers, agent: false });
    far.on("response", (response) => {
      if (this.prelude && (url === "/" || url?.startsWith("/c/"))) return void addPrelude(response, answer);
      answer.writeHead(response.statusCode ?? 502, response.headers);
      answer.flushHeaders();
      response.pipe(answer);
      response.on("error", () => answer.destroy());
    });
    far.on("error", () => answer.destroy());
    answer.on("close", () => far.destroy());
    near.pipe(far);
  }

  /**
   * @param {IncomingMessage} request
   * @param {Socket} near
   * @param {Buffer} head
   */
  #upgrade({ url: asked, rawHeaders }, near, head) {
    const url = this.#unprefixed(asked);
    this.#arrived(`UPGRADE ${url}`);
    if (this.refusesUpgrades) {
      near.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    const far = connect(this.#port, "127.0.0.1");
    this.#watch(far);
    const lines = rawHeaders.map((value, index) => (index % 2 === 0 ? `\r\n${value}: ` : value)).join("");
    far.write(`GET ${url} HTTP/1.1${lines}\r\n\r\n`);
    far.write(head);
    far.pipe(near).pipe(far);
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
  }

  /** @param {string} [url] */
  #unprefixed(url = "") {
    return url.startsWith(`${this.prefix}/`) ? url.slice(this.prefix.length) : url;
  }

  /** @param {Socket} line */
  #watch(line) {
    if (this.isDown) line.destroy();
    this.#lines.add(line);
    line.on("error", () => line.destroy());
    line.on("close", () => this.#lines.delete(line));
  }
}

/**
 * @param {IncomingMessage} response the page
 * @param {ServerResponse} answer
 */
async function addPrelude(response, answer) {
  let html = "";
  for await (const chunk of response.setEncoding("utf8")) html += chunk;
  const longer = html.replace("<head>", `<head><script src="${PRELUDE}"></script>`);
  const headers = { ...response.headers, "content-length": String(Buffer.byteLength(longer)) };
  answer.writeHead(response.statusCode ?? 502, headers).end(longer);
}
