"""``streamui chat``: a chat in the terminal, on the protocol's Python client. It knows no other room of the server."""
