"""Long answers of 400 to 800 tokens: several topics of one field, in sections."""

from __future__ import annotations

import random

from server.starter.training.corpus import texts
from server.starter.training.corpus.about import all_topics, framed
from server.starter.training.corpus.exchange import Exchange
from server.starter.training.corpus.grammar import expand, tidy
from server.starter.training.corpus.texts import Topic

FIELDS = (
    ("program", "streaming", "stop", "websocket", "llamacpp", "privacy", "queue", "run", "load_model"),
    ("streaming", "stop", "tokens", "websocket", "protocol", "sse", "prefill", "reconnect"),
    ("websocket", "sse", "long_polling", "ws_vs_sse", "protocol", "reconnect", "streaming"),
    ("llm", "tokens", "training", "sampling", "context", "trust", "prefill", "kv_cache"),
    ("llamacpp", "gguf", "quantisation", "hardware", "kv_cache", "batching", "speed", "load_model"),
    ("sampling", "temperature", "top_k", "top_p", "min_p", "seed", "tokens"),
)
TITLES = {
    "program": "StreamUI", "streaming": "Streaming", "stop": "The Stop button", "websocket": "The WebSocket",
    "llamacpp": "llama.cpp", "privacy": "Privacy", "queue": "The queue", "run": "Starting the server",
    "load_model": "Loading a larger model", "tokens": "Tokens", "protocol": "The protocol", "sse": "Server-sent events",
    "prefill": "Prefill and decode", "reconnect": "Lost connections", "long_polling": "Long polling",
    "ws_vs_sse": "WebSocket or SSE", "llm": "Language models", "training": "Training", "sampling": "Sampling",
    "context": "The context window", "trust": "Limits", "kv_cache": "The KV cache", "gguf": "GGUF files",
    "quantisation": "Quantisation", "hardware": "Hardware", "batching": "Batching", "speed": "Speed",
    "temperature": "Temperature", "top_k": "Top-k", "top_p": "Top-p", "min_p": "Min-p", "seed": "The seed",
}  # fmt: skip
OPENINGS = (
    "Here is a longer text{, so you have time to read along|, and you can press Stop at any time}.",
    "{Let us look at this step by step.|Let us take it one step at a time.}",
    "{This will take a while|This is a long answer}, so {lean back|make yourself comfortable}{ and watch it stream|}.",
)
CLOSINGS = (
    "{That is the whole picture|That is all} for now. {Ask me about any part of it.|If one part interests you, just ask.}",
    "{These are the main points.|So much for the overview.} You can ask about each of them{ in a new question|}.",
    "If you have read as far as this, {thank you for your patience|you know the most important things}. {Ask me more if you like.|}",
)
ANYTHING = (
    "{write|give me|say|tell me|i want|send me|please write|can you write|generate|show me|i need} {something|anything|a text that is} {long|very long|really long|lengthy}{| please| to watch| for the stop button| to stop}",
    "{write|give me|i want|i need|can you give me|please write|generate|show me} a {long|very long|really long|lengthy|huge} {text|answer|reply|message|output|essay|article}{| please| to test the stop button| so that i can press stop| that i can stop| so i can watch the streaming| to try stop}",
    "{write|talk|speak|go on} {as much as you can|a lot|for a long time|for a while|for a minute|without stopping|until i stop you|until i press stop}",
    "{long text|long answer|a long answer please|lots of text|lorem ipsum|write 500 words|write a lot of text|write several paragraphs|test the stream with a long text|bore me with a long text}",
    "i want to {test|try|use} {the stop button|stop|streaming}, {write something long|give me a long answer|talk a lot|write a lot}",
)  # fmt: skip


def paragraph(topic: Topic, rng: random.Random) -> str:
    """Return a topic's answer with one more paragraph, if it has one."""
    plain = [answer for answer in topic.answers if "```" not in answer]
    chosen = expand(rng.choice(plain), rng)
    return f"{chosen}\n\n{expand(rng.choice(topic.more), rng)}" if topic.more else chosen


def essay(first: Topic, rng: random.Random) -> str:
    """Write a text of six sections that begins with the topic `first`.

    The order of topics is fixed and the sections are numbered: such a small model can't track what it has already said.
    """
    topics = {topic.name: topic for topic in all_topics()}
    field = next(field for field in FIELDS if first.name in field)
    at = field.index(first.name)
    following = (field[at + 1 :] + field[:at])[:5]
    sections = [
        f"## {number}. {TITLES[name]}\n\n{paragraph(topics[name], rng)}"
        for number, name in enumerate(following, start=1)
    ]
    start = f"# {TITLES[first.name]}\n\n{expand(rng.choice(OPENINGS), rng)}\n\n{paragraph(first, rng)}"
    return "\n\n".join([start, *sections, expand(rng.choice(CLOSINGS), rng).strip()])


def essays(rng: random.Random) -> list[Exchange]:
    """Make a long text on a subject, or on no particular one."""
    topics = [topic for topic in all_topics() if topic.name in TITLES]
    if rng.random() < 0.25:
        topic = rng.choice([topic for topic in topics if topic.name in ("streaming", "program")])
        return [Exchange(tidy(expand(rng.choice(ANYTHING), rng)), essay(topic, rng))]
    topic = rng.choice([topic for topic in topics if topic.singular])
    return [Exchange(framed(topic, texts.lines("long_frames.txt"), rng), essay(topic, rng))]
