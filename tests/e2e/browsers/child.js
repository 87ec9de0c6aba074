/** A program that a browser needs beside it, ended with it, and by the system if the test is killed. */

import { spawn } from "node:child_process";
import { once } from "node:events";

/** How long a browser may take to start, in milliseconds. */
export const START_MS = 120_000;
/** How long it may take to end by itself, in milliseconds. */
const END_MS = 10_000;

export class Child {
  #process;
  #output = "";
  /** @type {Promise<never>} */
  #failed;

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} environment what it has beside our own
   */
  constructor(command, args, environment) {
    const stdio = /** @type {const} */ (["ignore", "pipe", "pipe", "pipe"]);
    this.#process = spawn("setpriv", ["--pdeathsig", "TERM", command, ...args], { stdio: [...stdio], env: { ...process.env, ...environment } });
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream?.on("data", (chunk) => (this.#output += chunk));
    this.#failed = new Promise((_resolve, reject) => {
      this.#process.once("error", (error) => reject(new Error(`${command}: ${error.message}`)));
      this.#process.once("close", () => reject(new Error(`${command} has ended\n${this.#output}`)));
    });
    this.#failed.catch(() => {});
  }

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} [environment]
   */
  static start(command, args, environment = {}) {
    return new Child(command, args, environment);
  }

  /** Rejects when it has ended. */
  get failed() {
    return this.#failed;
  }

  /** The number that it writes to its file descriptor 3. */
  get number() {
    const said = /** @type {import("node:stream").Readable} */ (this.#process.stdio[3]);
    return Promise.race([once(said, "data").then(([chunk]) => Number(String(chunk))), this.#failed]);
  }

  async stop() {
    if (this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const overdue = setTimeout(() => this.#process.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(overdue);
  }
}
