"""Stream several answers at once over one connection. Usage: python examples/many.py [URL]"""

import asyncio
import sys

from protocol.client import connect

PROMPTS = ("Tell me a joke", "Who are you?", "What is a WebSocket?")


async def main(url: str) -> None:
    async with connect(url) as chat:
        generations = {prompt: chat.generate(prompt, max_tokens=40) for prompt in PROMPTS}
        for prompt, generation in generations.items():
            done = await generation.done()
            print(f"{prompt} {generation.text!r} [{done.reason}]")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"))
