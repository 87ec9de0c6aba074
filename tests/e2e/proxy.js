/** A line to the server that a test can cut. */

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  #listener;
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #bytesUntilCut = Infinity;
  /** How often it has cut. */
  cuts = 0;
  #cutsToCome = 0;
  #bytesBetween = 0;

  /** @param {number} port of the server on this machine */
  constructor(port) {
    this.#listener = createServer((socket) => this.#join(socket, connect(port, "127.0.0.1")));
  }

  /** @param {number} port of the server on this machine */
  static async start(port) {
    const proxy = new Proxy(port);
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
   * Cuts the line behind that many more bytes of the server's. New connections are let through.
   * @param {number} bytes
   * @param {number} [times] cut again when it has sent as much again
   */
  cutAfter(bytes, times = 1) {
    this.#bytesUntilCut = bytes;
    this.#bytesBetween = bytes;
    this.#cutsToCome = times;
  }

  async stop() {
    this.#cut();
    this.#listener.close();
    await once(this.#listener, "close");
  }

  /**
   * @param {import("node:net").Socket} near
   * @param {import("node:net").Socket} far
   */
  #join(near, far) {
    near.pipe(far);
    far.on("data", (data) => this.#passOn(data, near));
    far.on("end", () => near.end());
    this.#endTogether(near, far);
    this.#endTogether(far, near);
  }

  /**
   * @param {Buffer} data
   * @param {import("node:net").Socket} near
   */
  #passOn(data, near) {
    near.write(data.subarray(0, this.#bytesUntilCut));
    this.#bytesUntilCut -= data.length;
    if (this.#bytesUntilCut <= 0) this.#cutByCount();
  }

  #cutByCount() {
    this.cuts += 1;
    this.#cutsToCome -= 1;
    this.#bytesUntilCut = this.#cutsToCome > 0 ? this.#bytesBetween : Infinity;
    this.#cut();
  }

  #cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /**
   * @param {import("node:net").Socket} socket
   * @param {import("node:net").Socket} other
   */
  #endTogether(socket, other) {
    this.#sockets.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
