"""Conversations: trees of messages that are kept on the server, and how answers get into them."""
