/** Connection to a server by its address, over whichever transport passes. */

import { Connection } from "./connection.js";
import { TransportChoice } from "./transport-choice.js";
import { PollingTransport } from "./transports/polling.js";
import { EventStreamTransport } from "./transports/sse.js";
import { WebSocketTransport } from "./transports/websocket.js";

/** @typedef {import("./connection.js").Clock} Clock */
/** @typedef {import("./guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./transport-choice.js").TransportKind} TransportKind */
/** @typedef {import("./transports/websocket.js").Transport} Transport */
/** @typedef {import("./transports/websocket.js").TransportDelegate} TransportDelegate */

/** @type {Clock} */
export const clock = {
  now: () => performance.now(),
  setTimeout: (then, ms) => window.setTimeout(then, ms),
  clearTimeout: (timer) => window.clearTimeout(/** @type {number} */ (timer)),
};

/**
 * @param {string} server its address with the root path, without a slash at the end
 * @param {{storage: Keeping, logIn: () => void, token?: string}} options storage: remembers the transport that worked
 * @returns {Connection}
 */
export function connectionTo(server, { storage, logIn, token }) {
  const channels = `${server}/channel`;
  /** @type {Record<TransportKind, (delegate: TransportDelegate) => Transport>} */
  const transports = {
    websocket: (delegate) => new WebSocketTransport(`${server.replace(/^http/, "ws")}/ws`, delegate),
    sse: (delegate) => new EventStreamTransport(channels, delegate),
    polling: (delegate) => new PollingTransport(channels, delegate),
  };
  return new Connection({
    openTransport: (kind, delegate) => transports[kind](delegate),
    choice: new TransportChoice(storage, Date.now),
    clock,
    random: Math.random,
    logIn,
    token,
  });
}
