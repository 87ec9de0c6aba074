import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

const FRONTEND = new URL("../../frontend/", import.meta.url);
const OFFLINE_PAGE = new URL("../../server/transports/templates/offline.html", import.meta.url);

/** @param {string} path below /static/ */
async function read(path) {
  return await readFile(path === "offline/offline.html" ? OFFLINE_PAGE : new URL(path, FRONTEND), "utf8");
}

describe("The service worker", () => {
  it("has another version whenever a file that it keeps has changed", async () => {
    const script = await read("service-worker.js");
    const files = [...script.matchAll(/"\/static\/([^"]+)",\n/g)].map(([, path]) => path ?? "");
    assert.ok(files.includes("offline/offline.html"));
    const hash = createHash("sha256");
    for (const file of files) hash.update(await read(file));
    const version = hash.digest("hex").slice(0, 12);
    assert.match(script, new RegExp(`^const VERSION = "${version}";$`, "m"), `set VERSION to "${version}"`);
  });

  it("keeps whatever the offline page needs", async () => {
    const [script, page] = [await read("service-worker.js"), await read("offline/offline.html")];
    const addresses = [...page.matchAll(/(?:src|href)="\{\{ root \}\}([^"]+)"/g)].map(([, address]) => address);
    assert.equal(addresses.length, 5);
    for (const [, module] of (await read("offline/offline.js")).matchAll(/^import .* from "\.\.(\/[^"]+)";$/gm)) addresses.push(`/static${module}`);
    assert.equal(addresses.length, 6);
    for (const address of addresses) assert.ok(script.includes(`"${address}"`), `${address} is not kept`);
  });
});

describe("The manifest", () => {
  it("names icons that are there, in their sizes", async () => {
    const { icons } = JSON.parse(await read("manifest.webmanifest"));
    for (const { src, sizes } of icons.filter((/** @type {{type: string}} */ { type }) => type === "image/png")) {
      const png = await readFile(new URL(src, FRONTEND));
      assert.equal(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, sizes, src);
    }
  });
});
