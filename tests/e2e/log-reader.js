/** Reads the server's log of one answer from its beginning, over a channel of its own. */

import { createHash } from "node:crypto";

const HEADERS = { "Content-Type": "application/json" };

/**
 * @param {string} address of the server
 * @param {string} id
 * @returns {Promise<{text: string, reason: string}>} once the answer has ended; its text has the checksum that `done` names
 */
export async function readLog(address, id) {
  const opening = await fetch(`${address}/channel`, { method: "POST", headers: HEADERS });
  const { connection } = await opening.json();
  const channel = `${address}/channel/${connection}`;
  await fetch(channel, { method: "POST", headers: HEADERS, body: JSON.stringify({ type: "attach", id }) });
  try {
    return await readToEnd(channel);
  } finally {
    await fetch(channel, { method: "DELETE" });
  }
}

/** @param {string} channel */
async function readToEnd(channel) {
  let text = "";
  for (;;) {
    const news = await fetch(`${channel}/poll?wait=20`);
    if (!news.ok) throw new Error(`The poll was answered with ${news.status}: ${await news.text()}`);
    for (const line of (await news.text()).split("\n").filter((each) => each !== "")) {
      const message = JSON.parse(line);
      if (message.type === "error") throw new Error(message.message);
      if (message.type === "token") text += message.text;
      if (message.type === "done") return checked(text, message);
    }
  }
}

/**
 * @param {string} text
 * @param {{reason: string, sha256: string}} done
 */
function checked(text, { reason, sha256 }) {
  if (createHash("sha256").update(text).digest("hex") !== sha256) throw new Error("The log is not what its end says");
  return { text, reason };
}
