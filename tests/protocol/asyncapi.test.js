// The official parser's opinion of the generated AsyncAPI document.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { Parser } from "@asyncapi/parser";

import { SERVER_MESSAGE_TYPES } from "../../frontend/protocol/server-message-types.js";

const file = new URL("../../protocol/spec/streamui.v1.asyncapi.json", import.meta.url);
const text = await readFile(file, "utf8");
const schema = JSON.parse(await readFile(new URL("../../protocol/spec/streamui.v1.schema.json", import.meta.url), "utf8"));

/** @param {string} source */
const complaints = async (source) => {
  const found = await new Parser().validate(source);
  return found.filter(({ severity }) => severity <= 1).map(({ message, path }) => `${path.join("/")}: ${message}`);
};

test("the AsyncAPI document is valid", async () => {
  assert.deepEqual(await complaints(text), []);
});

test("a document with a mistake is not", async () => {
  const broken = JSON.parse(text);
  broken.operations.send.channel.$ref = "#/channels/nowhere";
  delete broken.info.version;
  assert.notDeepEqual(await complaints(JSON.stringify(broken)), []);
});

test("the parser finds both directions in it", async () => {
  const { document } = await new Parser().parse(text);
  assert.ok(document);
  assert.equal(document.version(), "3.0.0");
  assert.equal(document.operations().filterByReceive()[0]?.messages().length, schema.$defs.ClientMessage.oneOf.length);
  assert.equal(document.operations().filterBySend()[0]?.messages().length, SERVER_MESSAGE_TYPES.length);
});
