import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { FakeTabs, accepted, done, settle, token } from "./fake-parts.js";

const MODELS = [{ name: "small", state: "loaded" }, { name: "gpu/big", state: "loaded", template: "upstream", features: ["tools"] }];

describe("An answer whose model is behind another server", () => {
  /** @type {ReturnType<FakeTabs["open"]>} */
  let tab;
  /** @type {string} */
  let id;

  beforeEach(async () => {
    const tabs = new FakeTabs();
    tab = tabs.open(null);
    tab.ui.connectionChanged({ name: "connected", transport: "websocket", welcome: { type: "welcome", models: MODELS, features: ["steer", "tune"] } });
    tab.ui.modelChosen("gpu/big");
    await settle();
    assert.equal(tab.ui.send("Hi"), true);
    await settle();
    const request = tab.connection.generated.at(-1);
    assert.ok(request);
    id = request.id;
    tabs.server.take(request);
    tab.ui.connectionDelivered({ ...accepted(id), model: "gpu/big" });
    await settle();
  });

  /** @param {string} name @param {string} state @param {string} [template] */
  function modelIs(name, state, template = "upstream") {
    tab.ui.connectionDelivered({ type: "model", name, state, template });
  }

  const status = () => tab.transcript.last.status;

  it("says that the server can't be reached, before and after its first text", () => {
    modelIs("gpu/big", "failed");
    assert.match(status(), /^Waiting for the model's server, which can't be reached/);
    modelIs("gpu/big", "loaded");
    assert.match(status(), /^Queued/);
    tab.ui.connectionDelivered(token(id, 1, "Hello"));
    modelIs("gpu/big", "failed");
    assert.match(status(), /^The model's server can't be reached\. The answer will continue when it's back\./);
    modelIs("gpu/big", "loaded");
    assert.match(status(), /^Writing · 1 token/);
    tab.ui.connectionDelivered(done(id));
    modelIs("gpu/big", "failed");
    assert.match(status(), /^Done/);
  });

  it("can't be steered or made longer if only the default model can, whatever is chosen meanwhile", async () => {
    tab.ui.set({ ...tab.ui.settings, params: { max_tokens: 2 } });
    tab.ui.connectionDelivered(token(id, 2, "Hello"));
    tab.ui.modelChosen("small");
    await settle();
    assert.deepEqual([tab.composer.steers, tab.transcript.last.shown.offers], [false, []]);
    tab.ui.composerSteered("Shorter.");
    assert.deepEqual([tab.connection.steered, tab.queueView.texts], [[], ["Shorter."]]);
    tab.ui.connectionDelivered({ type: "model", name: "gpu/big", state: "loaded", template: "upstream", features: ["steer", "tune"] });
    assert.deepEqual([tab.composer.steers, tab.transcript.last.shown.offers], [true, ["longer"]]);
  });

  it("says why no text comes, until it comes again", () => {
    tab.ui.connectionDelivered(token(id, 1, "Hello"));
    tab.ui.connectionDelivered({ type: "status", id, state: "decode", upstream: "busy" });
    assert.match(status(), /^The model's server is busy\. The answer will continue when it's ready\./);
    tab.ui.connectionDelivered({ type: "status", id, state: "decode", upstream: "reading" });
    assert.match(status(), /^The model's server is reading the answer so far/);
    tab.ui.connectionDelivered(token(id, 2, " you"));
    assert.match(status(), /^Writing · 2 tokens/);
  });

  it("isn't told of another model, or of one on this machine that has failed", () => {
    modelIs("small", "failed", "gguf");
    assert.match(status(), /^Queued/);
    modelIs("gpu/big", "failed", "gguf");
    assert.match(status(), /^Queued/);
  });
});
