"""Stream one answer. Usage: python examples/chat.py [URL]"""

import sys

from protocol.sync_client import connect_sync

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"
with connect_sync(url) as chat:
    generation = chat.generate("Tell me a joke", max_tokens=60)
    for piece in generation:
        print(piece.text, end="", flush=True)
    done = generation.done()
    print(f"\n[{done.reason}, {done.usage.completion_tokens} tokens]")
