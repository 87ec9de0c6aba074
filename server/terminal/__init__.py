"""``streamui chat``: a chat in the terminal, over the protocol's Python client. It uses no other part of the server."""
