"""Conversations: trees of messages stored on the server, with the answers written into them."""
