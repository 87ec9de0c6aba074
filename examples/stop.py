"""Stop an answer after ten pieces; cancel() returns once the model has stopped. Usage: python examples/stop.py [URL]"""

import itertools
import sys

from protocol.sync_client import connect_sync

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"
with connect_sync(url) as chat:
    generation = chat.generate("Tell me a long story")
    for piece in itertools.islice(generation, 10):
        print(piece.text, end="", flush=True)
    done = generation.cancel()
    print(f"\n[{done.reason} in phase {done.phase}, {done.usage.completion_tokens} tokens]")
