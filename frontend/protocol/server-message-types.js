/**
 * Types of the server's messages. An EventSource needs a listener for each: without one a message gets lost.
 * `make spec` writes this file from protocol/messages.py.
 */
export const SERVER_MESSAGE_TYPES = [
  "welcome",
  "accepted",
  "status",
  "token",
  "snapshot",
  "attached",
  "done",
  "error",
  "pong",
  "goodbye",
  "conversation",
  "model",
  "steered",
  "tuned",
  "alternatives",
];
