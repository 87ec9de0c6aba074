/** Stands for fetch: notes each request, and lets a test answer it when it likes. */

export class FakeRequest {
  /** @type {(response: Response) => void} */
  #resolve = () => {};
  /** @type {(error: unknown) => void} */
  #reject = () => {};

  /**
   * @param {string} url
   * @param {RequestInit} options
   */
  constructor(url, options) {
    this.url = url;
    this.options = options;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    options.signal?.addEventListener("abort", () => this.#reject(options.signal?.reason));
  }

  get method() {
    return this.options.method ?? "GET";
  }

  /**
   * @param {number} status
   * @param {string | null} [body]
   */
  async answer(status, body = null) {
    this.#resolve(new Response(body, { status }));
    await settled();
  }

  async fail() {
    this.#reject(new TypeError("Failed to fetch"));
    await settled();
  }
}

export class FakeServer {
  #original = globalThis.fetch;
  /** @type {FakeRequest[]} */
  requests = [];

  start() {
    const fetch = (/** @type {string} */ url, /** @type {RequestInit} */ options = {}) => {
      const request = new FakeRequest(url, options);
      this.requests.push(request);
      return request.answered;
    };
    Object.assign(globalThis, { fetch });
  }

  stop() {
    Object.assign(globalThis, { fetch: this.#original });
  }

  get last() {
    const last = this.requests.at(-1);
    if (!last) throw new Error("Nothing was requested");
    return last;
  }
}

/** Resolves once all that follows from what has happened so far has happened. */
export async function settled() {
  await new Promise((resolve) => setImmediate(resolve));
}
