"""Questions that the model can't answer and unreadable text, with honest answers."""

from __future__ import annotations

import random
import re
from functools import cache

from server.starter.training.corpus import texts
from server.starter.training.corpus.exchange import Exchange
from server.starter.training.corpus.grammar import SLOT, expand, tidy

KEYS = "asdfghjklqwertyuiopzxcvbnm"
WORDS = (
    "purple", "seven", "under", "chair", "slowly", "window", "if", "banana", "because", "never", "blue", "cloud",
    "jump", "the", "of", "and", "paper", "yesterday", "spoon", "green", "very", "walk", "almost", "table", "shoe",
)  # fmt: skip
INSIST = (
    "{why not|why|why can't you|but why|how come|why don't you know}{| that}", "{come on|please|please try|try|try it|try anyway|just guess|guess|take a guess|you must know|but everyone knows that|a simple answer please}",
    "{are you sure|really|you really don't know|you don't know that|seriously|that is easy|you should know that|i need the answer}",
)  # fmt: skip
STILL = (
    "I would only {invent|make up} something, because my training did not cover it. {A larger model, loaded with `--model`, may know.|Please load a real model with `--model`.}",
    "I really don't know: I am a tiny demo model that has learned about this program and little else. {Load a larger one with `--model`.|With `--model` you can load one that knows more.}",
)  # fmt: skip


@cache
def table() -> tuple[dict[str, tuple[str, ...]], tuple[str, ...], tuple[str, ...]]:
    """Return the word lists, the question patterns and the answers of `unknown.txt`."""
    words: dict[str, tuple[str, ...]] = {}
    for line in texts.lines("unknown.txt"):
        if line.startswith("@"):
            name, _, entries = line[1:].partition(":")
            words[name] = tuple(entry.strip() for entry in entries.split(";"))
    asks = tuple(line[2:] for line in texts.lines("unknown.txt") if line.startswith("? "))
    answers = tuple(line[2:] for line in texts.lines("unknown.txt") if line.startswith("> "))
    return words, asks, answers


def big_sum(rng: random.Random) -> str:
    """Return a calculation that is too hard for the model."""
    left, right = rng.randrange(21, 10_000), rng.randrange(13, 10_000)
    sign = rng.choice(("+", "-", "*", "/", " plus ", " minus ", " times ", " divided by ", " x ", " + ", " * ", "^"))
    return f"{left}{sign}{right}"


def value(slot: str, rng: random.Random) -> str:
    """Return a value for a slot."""
    if slot == "big":
        return big_sum(rng)
    if slot == "n":
        return str(rng.randrange(2, 5000))
    return rng.choice(table()[0][slot])


def unknown(rng: random.Random) -> list[Exchange]:
    """Make a question about the world that is declined."""
    _, asks, answers = table()
    question = SLOT.sub(lambda match: value(match[1], rng), expand(rng.choice(asks), rng))
    found = [Exchange(tidy(question), expand(rng.choice(answers), rng))]
    if rng.random() < 0.12:
        found.append(Exchange(expand(rng.choice(INSIST), rng), expand(rng.choice(STILL), rng)))
    return found


def gibberish(rng: random.Random) -> str:
    """Return text that is not a question."""
    kind = rng.randrange(6)
    if kind == 0:
        return " ".join("".join(rng.choices(KEYS, k=rng.randrange(3, 9))) for _ in range(rng.randrange(1, 4)))
    if kind == 1:
        at = rng.randrange(0, 16)
        return KEYS[at : at + rng.randrange(4, 9)] * rng.randrange(1, 3)
    if kind == 2:
        return "".join(rng.choices("?!.,-#*+()=", k=rng.randrange(1, 7)))
    if kind == 3:
        return " ".join(rng.sample(WORDS, rng.randrange(3, 7)))
    if kind == 4:
        return rng.choice(KEYS) * rng.randrange(1, 9)
    return re.sub(r"(?<=.)(?=...)", "x", "".join(rng.choices(KEYS + "0123456789", k=rng.randrange(4, 9))))


def rubbish(rng: random.Random) -> list[Exchange]:
    """Make gibberish, answered by the question what was meant."""
    topic = next(topic for topic in texts.topics("talk.txt") if topic.name == "rubbish")
    return [Exchange(gibberish(rng), expand(rng.choice(topic.answers), rng), verbatim=True)]
