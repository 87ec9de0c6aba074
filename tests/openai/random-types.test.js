/** Structured answers and forced calls with random zod types, which OpenAI's JavaScript client makes schemas of and parses. */

import { after, before, describe, it } from "node:test";

import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { Random } from "../e2e/machine/random.js";
import { Server } from "../e2e/server.js";

/** Number of types for each way to ask. */
const COUNT = Number(process.env["RANDOM_TYPES"] ?? 5);

/** Time limit in milliseconds. No test comes near it, even on a busy machine. */
const TIMEOUT = 600_000 * Math.max(1, COUNT / 5);

/** No value of these types reaches the limit of tokens. */
const LIMIT = 1500;
const HELLO = /** @type {{role: "user", content: string}[]} */ ([{ role: "user", content: "Hello" }]);

/** Types of a value. Their texts and lists are short, so that each answer ends. @type {((random: Random, depth: number) => z.ZodType)[]} */
const FLAT = [
  () => z.int(),
  (random) => z.int().min(-random.below(50)).max(random.below(100)),
  () => z.number().min(0).max(1),
  () => z.number().multipleOf(5).min(0).max(1000),
  (random) => z.string().max(1 + random.below(8)),
  () => z.string().min(2).max(5).nullable(),
  () => z.string().regex(/^[a-z]{2,4}-\d{2}$/),
  () => z.boolean(),
  () => z.null(),
  () => z.literal(["x", 5, true]),
  (random) => z.enum(["red", 'say "no"', "Größe", "漢字"].slice(0, 1 + random.below(4))),
  () => z.iso.date(),
  () => z.uuidv4(),
  () => z.ipv4(),
];

/** Types with others inside. @type {((random: Random, depth: number) => z.ZodType)[]} */
const NESTED = [
  (random, depth) => randomObject(random, depth),
  (random, depth) => z.array(randomType(random, depth)).max(1 + random.below(2)),
  (random, depth) => randomObject(random, depth).nullable().describe("May be missing"),
  (random, depth) =>
    z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a"), value: randomType(random, depth) }),
      z.object({ kind: z.literal("b"), other: randomType(random, depth) }),
    ]),
  () => z.union([z.boolean(), z.literal("auto")]),
];

/** @param {Random} random @param {number} depth @returns {z.ZodType} */
function randomType(random, depth) {
  const kinds = depth > 0 && random.below(2) === 0 ? NESTED : FLAT;
  return /** @type {(typeof FLAT)[0]} */ (kinds[random.below(kinds.length)])(random, depth - 1);
}

/** @param {Random} random @param {number} depth */
function randomObject(random, depth) {
  const names = ["size", "name", "$x", "größe", "a b"].slice(0, 1 + random.below(3));
  return z.object(Object.fromEntries(names.map((name) => [name, randomType(random, depth)])));
}

describe("OpenAI's JavaScript client with random types", { timeout: 5 * TIMEOUT }, () => {
  /** @type {Server} */
  let server;
  /** @type {OpenAI} */
  let client;

  before(async () => {
    server = await Server.start();
    client = new OpenAI({ baseURL: `${server.address}/v1`, apiKey: "any", maxRetries: 0, timeout: TIMEOUT });
  });

  after(async () => {
    await server.stop();
  });

  /** @type {Record<string, (kind: z.ZodObject, seed: number) => Promise<unknown>>} */
  const WAYS = {
    async chats(kind, seed) {
      const response_format = zodResponseFormat(kind, "value");
      const answer = await client.chat.completions.parse({ messages: HELLO, ...wild(seed), response_format });
      return answer.choices[0]?.message.parsed;
    },
    async streams(kind, seed) {
      const response_format = zodResponseFormat(kind, "value");
      const stream = client.chat.completions.stream({ messages: HELLO, ...wild(seed), response_format });
      return (await stream.finalChatCompletion()).choices[0]?.message.parsed;
    },
    async calls(kind, seed) {
      const tools = [zodFunction({ name: "f", parameters: kind })];
      const choice = { type: /** @type {const} */ ("function"), function: { name: "f" } };
      const answer = await client.chat.completions.parse({ messages: HELLO, ...wild(seed), tools, tool_choice: choice });
      return answer.choices[0]?.message.tool_calls?.[0]?.function.parsed_arguments;
    },
    async responses(kind, seed) {
      const body = { model: "any", temperature: 1.5, seed, max_output_tokens: LIMIT, input: "Hello" };
      return (await client.responses.parse({ ...body, text: { format: zodTextFormat(kind, "value") } })).output_parsed;
    },
  };

  for (const [name, ask] of Object.entries(WAYS)) {
    it(`parses those of ${name}`, { timeout: TIMEOUT }, async () => {
      for (let seed = 0; seed < COUNT; seed += 1) {
        const kind = randomObject(new Random(seed), 2);
        kind.parse(await ask(kind, seed));
      }
    });
  }

  /** @param {number} seed */
  function wild(seed) {
    return { model: "any", temperature: 1.5, max_tokens: LIMIT, seed };
  }
});
