import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { DownloadWatch } from "../../../frontend/panels/download-watch.js";
import { downloadName, downloadWords, fitWords, sizeWords, timeWords } from "../../../frontend/panels/model-words.js";
import { ModelsApi } from "../../../frontend/panels/models-api.js";
import { FakeClock } from "../fake-clock.js";

/** @typedef {import("../../../frontend/panels/models-api.js").Download} Download */

/** @type {Download} */
const DOWNLOAD = { id: "a", source: "maker/repo", name: "streamui/maker/repo/tiny", state: "running", arrived: 40 * 2 ** 20, size: 100 * 2 ** 20, speed: 2 * 2 ** 20, error: null };

describe("The words of the list of models", () => {
  it("are short", () => {
    assert.deepEqual([0, 9999, 5934656, 98362432, 2 ** 30, 2.4e9, 123e9].map(sizeWords), ["0 KiB", "10 KiB", "5.7 MiB", "94 MiB", "1.0 GiB", "2.2 GiB", "114.6 GiB"]);
    assert.deepEqual([0.2, 59, 90, 7200].map(timeWords), ["about 1 s left", "about 59 s left", "about 2 min left", "about 2 h left"]);
    assert.deepEqual(
      [{ needs: 2 ** 30, fits: true }, { needs: 2 ** 30, fits: false }, { needs: null, fits: false }, { needs: null, fits: null }].map(fitWords),
      ["needs 1.0 GiB of memory", "needs 1.0 GiB of memory: too much for this machine", "too large for this machine", ""],
    );
  });

  it("tell how far a download is", () => {
    assert.equal(downloadWords(DOWNLOAD), "40 MiB of 100 MiB · 2 MiB/s · about 30 s left");
    assert.equal(downloadWords({ ...DOWNLOAD, arrived: 100 * 2 ** 20 }), "100 MiB of 100 MiB · checking the file");
    assert.equal(downloadWords({ ...DOWNLOAD, arrived: 0, size: null, speed: null }), "Starting…");
    assert.equal(downloadWords({ ...DOWNLOAD, size: null, speed: null }), "40 MiB");
    assert.equal(downloadWords({ ...DOWNLOAD, state: "stopped", speed: null }), "Stopped · 40 MiB of 100 MiB");
    assert.equal(downloadWords({ ...DOWNLOAD, state: "waiting", arrived: 0, size: null, speed: null }), "Waiting");
    assert.equal(downloadWords({ ...DOWNLOAD, state: "done", speed: null }), "Ready");
    assert.equal(downloadName(DOWNLOAD), "maker/repo/tiny");
    assert.equal(downloadName({ ...DOWNLOAD, name: null }), "maker/repo");
  });
});

describe("The client of the models", () => {
  /** @type {{url: string, method: string | undefined, body: unknown}[]} */
  const sent = [];

  /**
   * @param {number} status
   * @param {string} text
   */
  function client(status, text) {
    sent.length = 0;
    return new ModelsApi(async (url, { method, body }) => {
      sent.push({ url, method, body });
      return new Response(text, { status });
    }, new FakeClock());
  }

  it("keeps names apart from addresses", async () => {
    await client(200, "{}").remove("streamui/a b/c?d#e");
    await client(200, '{"models":[]}').repository("maker/re po");
    assert.equal(sent[0]?.url, "/api/hub/maker/re%20po");
    await client(200, "{}").download("maker/repo:Q8_0");
    assert.deepEqual(sent, [{ url: "/api/downloads", method: "POST", body: '{"source":"maker/repo:Q8_0"}' }]);
    await client(200, "{}").remove("streamui/a b/c?d#e");
    assert.deepEqual(sent, [{ url: "/api/models/streamui/a%20b/c%3Fd%23e", method: "DELETE", body: undefined }]);
  });

  it("asks for news after the last version", async () => {
    const api = client(200, '{"version":7,"downloads":[]}');
    const { signal } = new AbortController();
    await api.downloads(null, signal);
    await api.downloads(7, signal);
    assert.deepEqual(sent.map(({ url }) => url), ["/api/downloads", "/api/downloads?after=7&wait=25"]);
  });

  it("says in words why it failed", async () => {
    /** @type {[number, string, string][]} */
    const cases = [
      [502, '{"code":"hub_failed","message":"maker/repo: it is private"}', "maker/repo: it is private"],
      [403, '{"code":"forbidden","message":"--offline on"}', "You're not allowed to do this here."],
      [404, '{"code":"unknown_id","message":"x"}', "It was deleted."],
      [502, "<html>", "The server can't do this right now."],
      [200, "<html>", "The server can't do this right now."],
    ];
    for (const [status, text, words] of cases) await assert.rejects(client(status, text).list(), { name: "ModelsError", message: words });
    const offline = new ModelsApi(async () => {
      throw new TypeError("offline");
    }, new FakeClock());
    await assert.rejects(offline.list(), { name: "ModelsError", message: "The server can't be reached." });
  });
});

describe("The watch of the downloads", () => {
  it("asks again after each answer and after a failure, and ends", async () => {
    const clock = new FakeClock();
    /** @type {(number | null)[]} */
    const asked = [];
    /** @type {Download[][]} */
    const seen = [];
    const watch = new DownloadWatch({
      downloads: async (after) => {
        asked.push(after);
        if (asked.length === 3) throw new Error("The server is away");
        return { version: asked.length, downloads: [DOWNLOAD] };
      },
    }, clock);
    watch.start((downloads) => seen.push(downloads));
    watch.start(() => assert.fail("It runs already"));
    for (let round = 0; round < 4; round += 1) {
      await settled();
      clock.advance(2000);
    }
    await settled();
    assert.deepEqual(asked, [null, 1, 2, null, 4]);
    assert.equal(seen.length, 4);
    watch.stop();
    clock.advance(10_000);
    await settled();
    assert.deepEqual([asked.length, watch.isRunning], [5, false]);
  });
});

/** Lets everything that waits for no timer go on. */
function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
