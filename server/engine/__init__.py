"""The engine: one worker thread that computes tokens. It knows no sockets, no protocol and no asyncio."""
