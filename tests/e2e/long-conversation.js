/** A long conversation, put on a server as a person would do it who brings one from elsewhere. */

/** @typedef {import("./server.js").Server} Server */

/**
 * @param {Server} server
 * @param {{id: string, title: string, messages: number, answer: string}} conversation how many messages, questions included, and
 *   what each answer says
 */
export async function importLong(server, { id, title, messages: count, answer }) {
  const messages = Array.from({ length: count }, (_, at) => ({
    id: `${id}-${at}`,
    parent: at === 0 ? null : `${id}-${at - 1}`,
    role: at % 2 === 0 ? "user" : "assistant",
    content: at % 2 === 0 ? `What about number ${at}?` : answer,
  }));
  const conversations = [{ id, title, settings: {}, messages }];
  const body = JSON.stringify({ format: "streamui.conversations", version: 1, conversations });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${server.address}/api/conversations/import`, { method: "POST", headers, body });
  if (!response.ok) throw new Error(`The import was refused: ${response.status} ${await response.text()}`);
}
