"""Assembly of dialogues: consecutive exchanges from all sources, some with a system message."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass

from server.starter.training.corpus import about, documents, essays, numbers, people, stories, unknown
from server.starter.training.corpus.exchange import Exchange, Source
from server.starter.training.corpus.noise import typed

WEIGHTS: tuple[tuple[Source, float], ...] = (
    (about.program, 38), (about.talk, 19), (unknown.unknown, 17), (unknown.rubbish, 2), (numbers.counting, 3),
    (numbers.series, 2), (numbers.sums, 3), (documents.code, 3.5), (documents.table, 2), (documents.list_or_steps, 3),
    (documents.poem, 2), (documents.joke, 2), (people.names, 3), (people.languages, 2.5), (people.emoji, 1.5),
    (stories.stories, 3), (stories.long_stories, 1.6), (essays.essays, 2.2),
)  # fmt: skip
SYSTEM = (
    "You are a helpful assistant.", "You are StreamUI's starter model.", "Answer briefly.", "Be friendly and honest.",
    "You are a helpful, concise assistant. Today is a nice day.", "Always answer politely.", "You are a chat model.",
    "Speak plain English.", "You are an expert.", "Answer in one paragraph.", "You are a pirate.", "Reply in English.",
    "Help the user with this program.", "You are a careful assistant who says so when it does not know something.",
)  # fmt: skip
LENGTHS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 14)


@dataclass(frozen=True)
class Dialogue:
    """Exchanges in order, with a system message or none."""

    system: str | None
    exchanges: tuple[Exchange, ...]


def normal(question: str) -> str:
    """Normalize a question for comparison: no case, punctuation or extra spaces."""
    return " ".join("".join(letter if letter.isalnum() else " " for letter in question.lower()).split())


def noisy(exchange: Exchange, rng: random.Random) -> Exchange:
    """Return the exchange as a person might have typed it."""
    if exchange.verbatim or rng.random() < 0.2:
        return exchange
    return Exchange(typed(exchange.question, rng), exchange.answer)


def dialogue(rng: random.Random, forbidden: Collection[str]) -> Dialogue:
    """Make a dialogue without `forbidden` questions, which are those of the evaluation (see `normal`)."""
    sources, weights = zip(*WEIGHTS, strict=True)
    wanted = rng.choice(LENGTHS)
    found: list[Exchange] = []
    while len(found) < wanted:
        drawn = [noisy(exchange, rng) for exchange in rng.choices(sources, weights)[0](rng)]
        if all(normal(exchange.question) not in forbidden or not normal(exchange.question) for exchange in drawn):
            found.extend(drawn)
    return Dialogue(rng.choice(SYSTEM) if rng.random() < 0.15 else None, tuple(found))
