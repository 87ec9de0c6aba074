"""The engine: one worker thread that computes tokens. It knows nothing of sockets, of the protocol or of asyncio."""
