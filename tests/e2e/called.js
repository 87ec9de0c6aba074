/** A chat with a call of a function, which the page didn't ask for: it can't force one. */

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

const TOOLS = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "Weather of a city.",
      parameters: { type: "object", properties: { city: { enum: ["Berlin"] }, days: { enum: [3] } }, required: ["city", "days"] },
    },
  },
];

/**
 * Let the model call a function in a new chat, which the page shows.
 * @param {ChatPage} chat
 * @param {string} address of the server
 */
export async function showCall(chat, address) {
  const id = crypto.randomUUID();
  await post(`${address}/api/conversations`, { id, settings: { tools: TOOLS } });
  await chat.open(`${address}/c/${id}`);
  const request = { conversation: id, content: "What is the weather like?", tools: TOOLS, tool_choice: "required", parallel_tool_calls: false };
  await post(`${address}/generations`, request);
  await chat.page.waitForSelector(".tool-results textarea");
}

/**
 * @param {string} address
 * @param {unknown} body
 */
async function post(address, body) {
  const response = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (response.status !== 201) throw new Error(`${address} answered ${response.status}: ${await response.text()}`);
}
