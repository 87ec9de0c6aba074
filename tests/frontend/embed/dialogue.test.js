import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Dialogue, describeTurn } from "../../../frontend/embed/dialogue.js";
import { accepted, done, rejected, token } from "../fake-parts.js";

describe("Dialogue", () => {
  /** @type {Dialogue} */
  let dialogue;
  let ids = 0;

  beforeEach(() => {
    ids = 0;
    dialogue = new Dialogue(() => `id${(ids += 1)}`);
  });

  /**
   * @param {string} question
   * @param {string} answer
   */
  function exchange(question, answer) {
    const { generation } = dialogue.ask(question);
    dialogue.receive(accepted(generation));
    if (answer !== "") dialogue.receive(token(generation, 1, answer));
    dialogue.receive(done(generation));
    return generation;
  }

  const roles = () => dialogue.messages.map(({ role }) => role).join(" ");
  const last = () => {
    const shown = dialogue.present(true).at(-1);
    assert.ok(shown);
    return shown;
  };

  it("requests an answer to all messages so far, after the system prompt", () => {
    exchange("Hi", "Hello");
    const turn = dialogue.ask("Who are you?");
    assert.deepEqual(dialogue.requestFor(turn, { system: "Be brief.", params: { seed: 1 } }), {
      type: "generate",
      id: turn.generation,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Who are you?" },
      ],
      params: { seed: 1 },
      truncation: "auto",
    });
  });

  it("names the model that was chosen", () => {
    assert.equal(dialogue.requestFor(dialogue.ask("Hi"), { model: "Qwen 3" }).model, "Qwen 3");
    assert.equal("model" in dialogue.requestFor(dialogue.ask("Hi"), {}), false);
  });

  it("continues from earlier messages", () => {
    dialogue = new Dialogue(() => `id${(ids += 1)}`, [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }]);
    assert.equal(dialogue.running, undefined);
    assert.deepEqual(dialogue.present(true).map(({ text, line }) => [text, line]), [["Hi", null], ["Hello", null]]);
    dialogue.ask("And?");
    assert.equal(roles(), "user assistant user");
  });

  it("leaves an answer without text out of the messages", () => {
    exchange("Hi", "");
    assert.equal(roles(), "user");
  });

  it("shows the progress of an answer, and its end", () => {
    const turn = dialogue.ask("Hi");
    assert.equal(describeTurn(turn, false)?.text, "Will send when reconnected");
    dialogue.receive(accepted(turn.generation));
    dialogue.receive(token(turn.generation, 1, "Hello"));
    assert.deepEqual([last().isGrowing, last().actions], [true, ["copy", "copy-text"]]);
    assert.equal(describeTurn(turn, false)?.text, "Connection lost. The answer will continue when it's back.");
    assert.equal(dialogue.running, turn);
    dialogue.receive(done(turn.generation));
    assert.equal(dialogue.running, undefined);
    assert.deepEqual([last().isGrowing, last().line?.text, last().actions], [false, "Done · 8 tokens", ["copy", "copy-text", "regenerate"]]);
  });

  it("ends an answer that is refused or lost with the reason, and offers to try again", () => {
    const { generation } = dialogue.ask("Hi");
    dialogue.receive(rejected(generation, true, "busy"));
    assert.deepEqual([last().line?.text, last().offers], ["The server is busy. Try again in a moment.", ["retry"]]);
    const again = dialogue.askAgain();
    assert.ok(again);
    assert.notEqual(again.generation, generation);
    dialogue.receive({ type: "lost", id: again.generation });
    assert.deepEqual([last().line?.tone, last().offers], ["bad", ["retry"]]);
    assert.equal(roles(), "user");
  });

  it("counts a question that was stopped before it was sent as stopped", () => {
    const { generation } = dialogue.ask("Hi");
    dialogue.receive({ type: "withdrawn", id: generation });
    assert.deepEqual([last().line?.text, last().offers], ["Stopped", []]);
  });

  it("replaces the last answer when it is asked again", () => {
    exchange("Hi", "Hello");
    const first = exchange("Who are you?", "A model");
    const turn = dialogue.askAgain();
    assert.equal(turn?.question, "Who are you?");
    assert.equal(roles(), "user assistant user");
    assert.equal(dialogue.receive(token(first, 2, "!")), undefined);
  });

  it("requests what the server may read ahead, but not while an answer is written", () => {
    exchange("Hi", "Hello");
    assert.deepEqual(dialogue.draftOf("Who", { system: "Be brief.", model: "Qwen 3" }), {
      type: "draft",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Who" },
      ],
      model: "Qwen 3",
    });
    assert.equal(roles(), "user assistant");
    dialogue.ask("Who are you?");
    assert.equal(dialogue.draftOf("And", {}), null);
  });

  it("replaces the last answer with its fork", () => {
    const first = exchange("Hi", "Hello");
    const request = dialogue.fork({ seq: 1, text: "Good day" });
    assert.deepEqual(request, { type: "generate", id: dialogue.running?.log, from: { id: first, seq: 1, text: "Good day" } });
    const { log = "" } = dialogue.running ?? {};
    dialogue.receive(accepted(log));
    dialogue.receive(token(log, 1, "Good day"));
    dialogue.receive(done(log));
    assert.deepEqual(dialogue.messages, [{ role: "user", content: "Hi" }, { role: "assistant", content: "Good day" }]);
    assert.deepEqual(dialogue.fork({ seq: 1 })?.from, { id: log, seq: 1 });
  });

  it("keeps the last answer when its fork is refused, or stopped before it was sent", () => {
    const first = exchange("Hi", "Hello");
    for (const event of /** @type {const} */ (["rejected", "withdrawn"])) {
      const log = dialogue.fork({ seq: 9 })?.id ?? "";
      const turn = dialogue.receive(event === "rejected" ? rejected(log, false, "invalid_field") : { type: event, id: log });
      assert.equal(turn?.problem, event === "rejected" ? "invalid_field" : null);
      assert.equal(dialogue.running, undefined);
      assert.equal(dialogue.newest?.generation, first);
      assert.equal(last().text, "Hello");
    }
  });

  it("keeps a fork that was accepted and then failed", () => {
    exchange("Hi", "Hello");
    const log = dialogue.fork({ seq: 1 })?.id ?? "";
    dialogue.receive(accepted(log));
    dialogue.receive(rejected(log, false, "busy"));
    assert.equal(dialogue.newest?.log, log);
  });

  it("forks nothing where nothing was said", () => {
    assert.equal(dialogue.fork({ seq: 1 }), undefined);
    assert.equal(dialogue.newest, undefined);
  });
});
