import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { describeSize, messageBytes, roomFor } from "../../../frontend/composer/message-size.js";

const FRAME = 1024 * 1024;

describe("The size of a message", () => {
  it("is that of its JSON in UTF-8", () => {
    assert.equal(messageBytes("a"), 3);
    assert.equal(messageBytes("\n"), 4);
    assert.equal(messageBytes("é🙂"), 8);
  });

  it("is not spoken of while there is room enough", () => {
    assert.deepEqual(describeSize("a".repeat(100_000), FRAME), { words: "", isTooLong: false });
    assert.deepEqual(describeSize("a".repeat(700_000), FRAME), { words: "", isTooLong: false });
  });

  it("is shown near the limit, and what to do beyond it", () => {
    assert.deepEqual(describeSize("a".repeat(900_000), FRAME), { words: "878 KiB of 1,020 KiB used", isTooLong: false });
    assert.deepEqual(describeSize("a".repeat(2_000_000), FRAME), {
      words: "Too long to send: 1.9 MiB, the limit is 1,020 KiB. Shorten it.",
      isTooLong: true,
    });
  });

  it("counts the files, and names them as something to remove", () => {
    assert.deepEqual(describeSize("a", FRAME, 2_000_000), {
      words: "Too long to send: 1.9 MiB, the limit is 1,020 KiB. Shorten it, or remove a file.",
      isTooLong: true,
    });
  });

  it("leaves the rest as room", () => {
    assert.equal(roomFor("", 10_000), 10_000 - 4096 - 2);
    assert.equal(roomFor("a".repeat(10_000), 10_000), 0);
  });
});
