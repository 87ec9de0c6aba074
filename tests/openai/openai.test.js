/** OpenAI's official JavaScript client, unmodified, against the real server with the built-in model. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { ResponsesWS } from "openai/resources/responses/ws";
import { z } from "zod";

import { Server } from "../e2e/server.js";

/** Time limit of a request, in milliseconds. No test comes near it, even on a busy machine. */
const TIMEOUT = 120_000;

const HELLO = /** @type {{role: "user", content: string}[]} */ ([{ role: "user", content: "Hello" }]);
const FIXED = { model: "any", seed: 7, temperature: 0, max_tokens: 12 };
/** Sampling of a response: its type has no seed, and greedy answers need none. */
const GREEDY = { model: "any", temperature: 0, max_output_tokens: 12 };

/** Types of the last event of a response. */
const ENDS = ["response.completed", "response.incomplete", "response.failed"];

/** @typedef {import("openai/resources/responses/responses").ResponsesServerEvent} ResponsesServerEvent */

/** Its answers are short, whatever the model says. */
const City = z.object({ size: z.enum(["small", "large"]), coast: z.boolean() });

describe("OpenAI's JavaScript client", { timeout: 3 * TIMEOUT }, () => {
  /** @type {Server} */
  let server;
  /** @type {OpenAI} */
  let client;

  before(async () => {
    server = await Server.start({ stepMs: 100 });
    server.hurry();
    client = new OpenAI({ baseURL: `${server.address}/v1`, apiKey: "any", maxRetries: 0, timeout: TIMEOUT });
  });

  after(async () => {
    await server.stop();
  });

  /** @returns {Promise<string>} the text of the answer that all fixed requests have */
  async function fixedText() {
    const answer = await client.chat.completions.create({ messages: HELLO, ...FIXED });
    return answer.choices[0]?.message.content ?? "";
  }

  it("lists the models", async () => {
    const models = [];
    for await (const model of client.models.list()) models.push(model.id);
    assert.equal(models.length, 1);
    assert.equal((await client.models.retrieve(models[0] ?? "")).id, models[0]);
    await assert.rejects(client.models.retrieve("gpt-4o"), (error) => {
      assert.ok(error instanceof NotFoundError);
      assert.deepEqual([error.status, error.code, error.param], [404, "model_not_found", "model"]);
      return true;
    });
  });

  it("gets a whole answer with usage and the id of the request", async () => {
    const answer = await client.chat.completions.create({ messages: HELLO, ...FIXED });
    assert.equal(answer.object, "chat.completion");
    assert.ok(answer.choices[0]?.message.content);
    const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = answer.usage ?? assert.fail();
    assert.equal(total, prompt + completion);
    assert.ok(completion <= 12);
    assert.ok(answer._request_id);
  });

  it("gets the same answer as a stream", async () => {
    const stream = await client.chat.completions.create({ messages: HELLO, ...FIXED, stream: true, stream_options: { include_usage: true } });
    let text = "";
    let usage = null;
    const reasons = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, await fixedText());
    assert.equal(reasons.length, 1);
    assert.ok(usage && usage.completion_tokens > 0);
  });

  it("follows a stream with its helper", async () => {
    const stream = client.chat.completions.stream({ messages: HELLO, ...FIXED });
    let text = "";
    stream.on("content", (delta) => (text += delta));
    const answer = await stream.finalChatCompletion();
    assert.equal(text, answer.choices[0]?.message.content);
    assert.equal(text, await fixedText());
    const two = await client.chat.completions.stream({ messages: HELLO, ...FIXED, n: 2 }).finalChatCompletion();
    assert.deepEqual(two.choices.map(({ index }) => index), [0, 1]);
  });

  it("parses an answer with a zod schema", async () => {
    const response_format = zodResponseFormat(City, "city");
    const answer = await client.chat.completions.parse({ messages: HELLO, ...FIXED, max_tokens: 200, response_format });
    City.parse(answer.choices[0]?.message.parsed);
    const streamed = client.chat.completions.stream({ messages: HELLO, ...FIXED, max_tokens: 200, response_format });
    const last = await streamed.finalChatCompletion();
    assert.deepEqual(last.choices[0]?.message.parsed, answer.choices[0]?.message.parsed);
  });

  it("stops an answer when the stream is aborted", async () => {
    server.takeTime();
    const stream = await client.chat.completions.create({ messages: HELLO, model: "any", stream: true });
    let id = "";
    for await (const chunk of stream) {
      id = chunk.id;
      break; // the client then aborts its request
    }
    assert.equal(await endOf(id), "cancelled");
    server.hurry();
  });

  it("gets the reason of a refusal", async () => {
    /** @type {[Record<string, unknown>, string | null, string | null][]} */
    const refused = [
      [{ messages: [] }, "messages", null],
      [{ temperature: 3 }, "temperature", null],
      [{ web_search_options: { a: 1 } }, "web_search_options", "unsupported_parameter"],
      [{ messages: [{ role: "user", content: "word ".repeat(5000) }] }, "messages", "context_length_exceeded"],
    ];
    for (const [fields, param, code] of refused) {
      for (const stream of [false, true]) {
        const body = /** @type {any} */ ({ messages: HELLO, ...FIXED, stream, ...fields });
        await assert.rejects(client.chat.completions.create(body), (error) => {
          assert.ok(error instanceof BadRequestError);
          assert.deepEqual([error.param, error.code, error.type], [param, code, "invalid_request_error"]);
          return true;
        });
      }
    }
  });

  it("continues a prompt without a template", async () => {
    const answer = await client.completions.create({ model: "any", prompt: "Once", max_tokens: 3, temperature: 0 });
    assert.equal(answer.choices.length, 1);
    assert.equal(answer.choices[0]?.finish_reason, "length");
  });

  it("gets a response, whole and as a stream", async () => {
    const whole = await client.responses.create({ input: "Hello", ...GREEDY });
    assert.ok(whole.output_text);
    const stream = client.responses.stream({ input: "Hello", ...GREEDY });
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => (text += delta));
    const last = await stream.finalResponse();
    assert.equal(text, last.output_text);
    assert.equal(text, whole.output_text);
  });

  it("parses a response with a zod schema", async () => {
    const text = { format: zodTextFormat(City, "city") };
    const response = await client.responses.parse({ input: "Hello", ...GREEDY, max_output_tokens: 200, text });
    City.parse(response.output_parsed);
  });

  it("reads, continues and deletes a stored response", async () => {
    const first = await client.responses.create({ input: "Hello", ...GREEDY });
    assert.equal((await client.responses.retrieve(first.id)).output_text, first.output_text);
    const second = await client.responses.create({ input: "Go on", previous_response_id: first.id, ...GREEDY });
    const items = [];
    for await (const item of client.responses.inputItems.list(second.id, { order: "asc", limit: 2 })) items.push(item);
    assert.deepEqual(
      items.map((item) => item.type === "message" && item.role),
      ["user", "assistant", "user"],
    );
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), (error) => {
      assert.ok(error instanceof NotFoundError);
      assert.deepEqual([error.code, error.param], ["not_found", "response_id"]);
      return true;
    });
  });

  it("reads on in the stream of a response in the background", async () => {
    const stream = await client.responses.create({ input: "Hello", background: true, stream: true, ...GREEDY });
    const events = [];
    for await (const event of stream) {
      events.push(event);
      if (events.length === 5) break;
    }
    const created = events[0];
    assert.ok(created?.type === "response.created");
    const cursor = { stream: /** @type {const} */ (true), starting_after: events.length - 1 };
    for await (const event of await client.responses.retrieve(created.response.id, cursor)) events.push(event);
    assert.deepEqual(
      events.map((event) => event.sequence_number),
      events.map((_, place) => place),
    );
    const text = events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");
    assert.equal((await client.responses.retrieve(created.response.id)).output_text, text);
  });

  it("chats over a WebSocket, in two lanes, and is told of an error", async () => {
    const socket = new ResponsesWS(client);
    const events = socket.stream();
    /** Ends with that of each lane. @param {number} count @returns {Promise<ResponsesServerEvent[]>} all events up to the end of `count` responses */
    async function until(count) {
      const found = [];
      while (count > 0) {
        const { value, done } = await events.next();
        assert.ok(!done);
        if (value.type === "error") throw value.error;
        if (value.type !== "message") continue;
        found.push(value.message);
        if (ENDS.includes(value.message.type)) count -= 1;
      }
      return found;
    }
    try {
      socket.send({ type: "response.create", input: "Hello", ...GREEDY });
      const first = await until(1);
      assert.deepEqual(first.map((event) => "sequence_number" in event && event.sequence_number), [...first.keys()]);
      const last = first.at(-1);
      assert.ok(last?.type === "response.completed" || last?.type === "response.incomplete");
      const whole = await client.responses.create({ input: "Hello", ...GREEDY });
      const text = first.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");
      assert.equal(text, whole.output_text);

      for (const stream_id of ["a", "b"]) {
        const previous_response_id = last.response.id;
        socket.send(/** @type {any} */ ({ type: "response.create", input: "Go on", stream_id, previous_response_id, ...GREEDY }));
      }
      const two = /** @type {any[]} */ (await until(2));
      assert.deepEqual(new Set(two.map(({ stream_id }) => stream_id)), new Set(["a", "b"]));

      socket.send({ type: "response.create", input: "Hello", previous_response_id: "resp_nobody" });
      await assert.rejects(until(1), (/** @type {any} */ { error }) => error.error.code === "previous_response_not_found");
      socket.send({ type: "response.create", input: "Hello", ...GREEDY });
      assert.ok(await until(1));
    } finally {
      socket.close();
    }
  });

  /** Waits without being a reader, since readers keep a generation running. @param {string} id @returns {Promise<string>} why it ended */
  async function endOf(id) {
    for (;;) {
      const { reason } = await (await fetch(`${server.address}/generations/${id}`)).json();
      if (reason) return reason;
      await setTimeout(50);
    }
  }
});
