/** A line to the server on which everything takes its time, both ways. A new connection costs nothing beside that. */

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class SlowLine {
  #delay;
  #listener;
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  /** Bytes that the server has sent. */
  bytes = 0;

  /**
   * @param {number} port of the server on this machine
   * @param {number} roundTrip in milliseconds
   */
  constructor(port, roundTrip) {
    this.#delay = roundTrip / 2;
    this.#listener = createServer((near) => this.#join(near, connect(port, "127.0.0.1")));
  }

  /**
   * @param {number} port of the server on this machine
   * @param {number} roundTrip in milliseconds
   */
  static async start(port, roundTrip) {
    const line = new SlowLine(port, roundTrip);
    line.#listener.listen(0, "127.0.0.1");
    await once(line.#listener, "listening");
    return line;
  }

  get address() {
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("The line does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  async stop() {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#listener, "close");
  }

  /**
   * @param {import("node:net").Socket} near
   * @param {import("node:net").Socket} far
   */
  #join(near, far) {
    far.on("data", (data) => (this.bytes += data.length));
    this.#pass(near, far);
    this.#pass(far, near);
  }

  /**
   * @param {import("node:net").Socket} from
   * @param {import("node:net").Socket} to
   */
  #pass(from, to) {
    this.#sockets.add(from);
    from.setNoDelay();
    from.on("data", (data) => setTimeout(() => to.writable && to.write(data), this.#delay));
    from.on("end", () => setTimeout(() => to.end(), this.#delay));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      setTimeout(() => to.destroy(), this.#delay);
    });
  }
}
