/** Runs the real server for the browser tests. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The command; STREAMUI names another one. */
const COMMAND = process.env["STREAMUI"] ?? fileURLToPath(new URL("../../.venv/bin/streamui", import.meta.url));
/** What runs the command's other forms: with a model whose answers repeat, without the page's bundle, with given answers. */
const PYTHON = join(dirname(COMMAND), "python");
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const REPEATABLE = fileURLToPath(new URL("../server/repeatable.py", import.meta.url));
const UNBUNDLED = fileURLToPath(new URL("unbundled.py", import.meta.url));
const RECITED = fileURLToPath(new URL("recited.py", import.meta.url));
const STARTER = fileURLToPath(new URL("../../server/starter/starter.gguf", import.meta.url));
/** Without the models of this machine: HOME is the data folder. */
const ENVIRONMENT = { ...process.env };
/** How long a start and an end may take, in milliseconds. */
const START_MS = 120_000;
const END_MS = 30_000;

export class Server {
  /** @type {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} */
  #process;
  #data;
  #script;
  #options;
  #errors = "";
  /** @type {Hub | null} */
  #hub = null;
  address = "";

  /**
   * @param {string} data
   * @param {string[]} script in place of the command, with its arguments
   * @param {number} port
   * @param {string[]} options of the command
   * @param {Hub | null} [hub] from which it gets models
   */
  constructor(data, script, port, options, hub = null) {
    this.#hub = hub;
    this.#data = data;
    this.#script = script;
    this.#options = options;
    this.#process = this.#spawn(port);
  }

  /**
   * @param {{port?: number, stepMs?: number, auth?: "off" | "token", context?: number, rootPath?: string, isBundled?: boolean, origins?: string[], models?: string[], hasHub?: boolean, template?: string}} [options]
   *   port 0 means any free port; stepMs slows each token down; context 0 means the model's own; origins: of
   *   foreign pages that may use it; models: names of several copies of the starter; hasHub: it searches a hub of the tests;
   *   template: chat template in place of the model's own
   * @returns {Promise<Server>} once it answers
   */
  static async start({ port = 0, stepMs = 0, auth = "off", context = 0, rootPath = "", isBundled = true, origins = [], models = [], hasHub = false, template = "" } = {}) {
    const data = await mkdtemp(join(tmpdir(), "streamui-data-"));
    const script = isBundled ? [REPEATABLE, String(stepMs), slowFile(data)] : [UNBUNDLED];
    const options = ["--auth", auth, "--root-path", rootPath, ...(context > 0 ? ["--context", String(context)] : [])];
    for (const name of models) {
      await copyFile(STARTER, join(data, `${name}.gguf`));
      options.push("--model", join(data, `${name}.gguf`));
    }
    if (template !== "") {
      await writeFile(join(data, "template.jinja"), template);
      options.push("--chat-template", join(data, "template.jinja"));
    }
    if (origins.length > 0) options.push("--allow-origin", origins.join(","));
    return await Server.#started(new Server(data, script, port, options, hasHub ? await Hub.start() : null));
  }

  /**
   * One whose answers are given: a prompt is the name of a text, which ends with ".md".
   * @param {Record<string, string>} texts
   * @param {number} [tokensPerSecond] of four bytes each; 0 stands for as many as it can
   */
  static async startReciting(texts, tokensPerSecond = 0) {
    const data = await mkdtemp(join(tmpdir(), "streamui-data-"));
    const folder = join(data, "texts");
    await mkdir(folder);
    for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text);
    return await Server.#started(new Server(data, [RECITED, folder, String(tokensPerSecond)], 0, []));
  }

  /** @param {Server} server */
  static async #started(server) {
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

  /**
   * @param {"add" | "revoke"} action
   * @param {string} name
   * @returns {Promise<string>} what it prints: a new token
   */
  async token(action, name) {
    const { stdout } = await promisify(execFile)(COMMAND, ["token", action, name, "--data", this.#data]);
    return stdout.trim();
  }

  /** Lets the hub's slow download go on. */
  releaseDownload() {
    this.#hub?.release();
  }

  /** Has a slow one compute as fast as it can, until it shall take its time again, or is started again. */
  hurry() {
    rmSync(slowFile(this.#data), { force: true });
  }

  /** Has models that are loaded stop at 40 %, until the server ends. */
  holdLoading() {
    writeFileSync(`${slowFile(this.#data)}.loading`, "");
  }

  takeTime() {
    writeFileSync(slowFile(this.#data), "");
  }

  /** Deletes every conversation. Answers in them go on when their page is gone, and the next ones would wait for them. */
  async forgetConversations() {
    const { conversations } = await (await fetch(`${this.address}/api/conversations?limit=200`)).json();
    for (const { id } of conversations) await fetch(`${this.address}/api/conversations/${id}`, { method: "DELETE" });
  }

  /** Removes every download, with what has arrived. */
  async forgetDownloads() {
    const { downloads } = await (await fetch(`${this.address}/api/downloads`)).json();
    for (const { id } of downloads) await fetch(`${this.address}/api/downloads/${id}`, { method: "DELETE" });
  }

  /** Ends it without giving it a moment, as a crash would. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Ends it in good order and removes what it stored. */
  async stop() {
    await this.#end("SIGTERM");
    await this.#hub?.stop();
    await rm(this.#data, { recursive: true, force: true });
  }

  /**
   * Ends it and starts it again, at the same address and with what it has stored.
   * @param {NodeJS.Signals} signal
   * @param {number} [context] of the model from then on
   */
  async restart(signal, context = 0) {
    if (context > 0) this.#options = [...this.#options, "--context", String(context)];
    await this.#end(signal);
    this.#process = this.#spawn(this.port);
    await this.#printedAddress();
  }

  /** @param {number} port */
  #spawn(port) {
    this.takeTime();
    const args = ["serve", "--port", String(port), "--data", this.#data, ...this.#options];
    const started = spawn(PYTHON, [...this.#script, ...args], { stdio: ["ignore", "pipe", "pipe"], env: this.#environment });
    started.stderr.on("data", (chunk) => (this.#errors += chunk));
    return started;
  }

  /** The environment: no models of this machine, and no other hub. */
  get #environment() {
    const own = { ...ENVIRONMENT, HOME: this.#data };
    return this.#hub ? { ...own, HF_ENDPOINT: this.#hub.address, no_proxy: "127.0.0.1", NO_PROXY: "127.0.0.1" } : own;
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

/** A hub of models on loopback, in its own process. */
class Hub {
  #process = spawn(PYTHON, ["-m", "tests.server.models.hub_process"], { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  address = "";

  static async start() {
    const hub = new Hub();
    const lines = createInterface({ input: hub.#process.stdout });
    [hub.address] = await once(lines, "line", { signal: AbortSignal.timeout(START_MS) });
    return hub;
  }

  release() {
    this.#process.stdin.write("\n");
  }

  async stop() {
    const ended = once(this.#process, "exit");
    this.#process.stdin.end();
    await ended;
  }
}

/** The file that repeatable.py looks for. @param {string} data */
function slowFile(data) {
  return join(data, "takes-its-time");
}
