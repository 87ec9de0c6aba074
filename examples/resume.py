"""Leave during an answer and read the rest on a new connection. Usage: python examples/resume.py [URL]"""

import sys

from protocol.sync_client import connect_sync

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"
with connect_sync(url) as chat:
    generation = chat.generate("Tell me a long story", max_tokens=60, on_detach_ms=60_000)
    print(next(iter(generation)).text, end="", flush=True)
    bookmark = generation.bookmark  # id, epoch, sequence number and text so far

with connect_sync(url) as chat:
    generation = chat.attach(*bookmark)
    for piece in generation:
        print(piece.text, end="", flush=True)
    print(f"\n[complete: {generation.done().chars == len(generation.text)}]")
