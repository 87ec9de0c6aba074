/** Runs the real server for the browser tests. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The command; STREAMUI names another one. */
const COMMAND = process.env["STREAMUI"] ?? fileURLToPath(new URL("../../.venv/bin/streamui", import.meta.url));
/** The same with a model that takes its time. */
const SLOW_COMMAND = join(dirname(COMMAND), "python");
const SLOW_MOTION = fileURLToPath(new URL("slow_motion.py", import.meta.url));
/** How long a start and an end may take, in milliseconds. */
const START_MS = 60_000;
const END_MS = 10_000;

export class Server {
  #process;
  #data;
  #errors = "";

  /**
   * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} process
   * @param {string} data
   */
  constructor(process, data) {
    this.#process = process;
    this.#data = data;
    this.address = "";
    process.stderr.on("data", (chunk) => (this.#errors += chunk));
  }

  /**
   * @param {{port?: number, stepMs?: number}} [options] port 0 stands for any free one; stepMs slows each token down
   * @returns {Promise<Server>} once it answers
   */
  static async start({ port = 0, stepMs = 0 } = {}) {
    const data = await mkdtemp(join(tmpdir(), "streamui-data-"));
    const args = ["serve", "--port", String(port), "--data", data];
    const [command, all] = stepMs > 0 ? [SLOW_COMMAND, [SLOW_MOTION, String(stepMs), ...args]] : [COMMAND, args];
    const server = new Server(spawn(command, all, { stdio: ["ignore", "pipe", "pipe"] }), data);
    try {
      server.address = await server.#printedAddress();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get port() {
    return Number(new URL(this.address).port);
  }

  /** Ends it without giving it a moment, as a crash would. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Ends it in good order and removes what it stored. */
  async stop() {
    await this.#end("SIGTERM");
    await rm(this.#data, { recursive: true, force: true });
  }

  /** @returns {Promise<string>} */
  #printedAddress() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(this.#failure(`said nothing for ${START_MS} ms`)), START_MS);
      this.#process.once("error", (error) => reject(this.#failure(error.message)));
      this.#process.once("close", (code) => reject(this.#failure(`ended with ${code}`)));
      createInterface({ input: this.#process.stdout }).on("line", (line) => {
        const address = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
        if (!address) return;
        clearTimeout(late);
        resolve(address);
      });
    });
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    if (this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill(signal);
    const overdue = setTimeout(() => this.#process.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(overdue);
  }

  /** @param {string} what */
  #failure(what) {
    return new Error(`${COMMAND} ${what}\n${this.#errors}`);
  }
}
