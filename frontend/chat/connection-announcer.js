/** Announces changes of the connection to screen readers. */

/** @typedef {import("../connection.js").ConnectionState} ConnectionState */

export class ConnectionAnnouncer {
  #announcer;
  #isConnected = false;
  #hasBeenConnected = false;

  /** @param {import("../rendering/announcer.js").Announcer} announcer */
  constructor(announcer) {
    this.#announcer = announcer;
  }

  /** @param {ConnectionState} state */
  announce({ name }) {
    if (name === "connected" && this.#hasBeenConnected) this.#announcer.say("Connected again");
    if (name === "waiting" && this.#isConnected) this.#announcer.say("Connection lost, reconnecting");
    if (name === "refused") this.#announcer.say("The server refused the connection");
    this.#isConnected = name === "connected";
    this.#hasBeenConnected ||= this.#isConnected;
  }
}
