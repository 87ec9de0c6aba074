import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { CONNECTED, FakeTabs, done, settle } from "./fake-parts.js";

/** @typedef {ReturnType<FakeTabs["open"]>} Tab */
/** @typedef {import("../../frontend/panels/settings.js").Settings} Settings */

const ADD = { type: /** @type {const} */ ("function"), function: { name: "add" } };
const CALL = { id: "call_1", function: { name: "add", arguments: "{}" } };

describe("A chat whose model has to call a function, or may not", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;

  beforeEach(async () => {
    tabs = new FakeTabs();
    tab = tabs.open(null);
    tab.ui.connectionChanged(CONNECTED);
    await settle();
  });

  /** @param {string} id @param {Partial<import("../../frontend/conversations/api.js").Message>} [fields] */
  async function end(id, fields = {}) {
    tabs.server.end(id, "Text.", { state: "done", reason: "stop", ...fields });
    tab.ui.connectionDelivered(done(id));
    const document = tabs.server.documents.get(tab.address.conversation ?? "");
    assert.ok(document);
    tab.ui.connectionDelivered({ type: "conversation", ...document });
    await settle();
  }

  const newest = () => {
    const { tools, tool_choice: choice } = tab.connection.generated.at(-1) ?? assert.fail();
    return [tools, choice];
  };

  for (const choice of /** @type {const} */ (["required", "none", ADD])) {
    const name = typeof choice === "string" ? choice : choice.function.name;
    const rest = choice === "none" ? "none" : undefined;

    it(`says so with each question, also when it is asked again, and not with results: ${name}`, async () => {
      tab.ui.set({ tools: [ADD], tool_choice: choice });
      const first = await tabs.begin(tab, "Two and two?");
      assert.deepEqual(newest(), [[ADD], choice]);
      await end(first, { tool_calls: [CALL] });
      tab.ui.messageActed("regenerate", first);
      await settle();
      assert.deepEqual(newest(), [[ADD], choice]);
      const again = tab.connection.generated.at(-1) ?? assert.fail();
      tabs.server.take(again);
      await end(again.id, { tool_calls: [CALL] });
      tab.ui.resultsGiven?.(again.id, [{ tool_call_id: "call_1", content: "4" }]);
      await settle();
      assert.deepEqual(newest(), [[ADD], rest]);
    });

    it(`doesn't make an answer that is continued call a function: ${name}`, async () => {
      tab.ui.set({ tools: [ADD], tool_choice: choice });
      const first = await tabs.begin(tab, "Two and two?");
      await end(first, { state: "stopped", reason: "cancelled" });
      tab.ui.messageOffered("continue", first);
      await settle();
      assert.deepEqual(newest(), [[ADD], rest]);
    });
  }

  it("leaves it to the model once the function is gone", async () => {
    tab.ui.set({ tools: [{ type: "function", function: { name: "sum" } }], tool_choice: ADD });
    await tabs.begin(tab, "Two and two?");
    assert.equal(newest()[1], undefined);
  });
});
