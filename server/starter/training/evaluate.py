"""Evaluation of a chat model on `questions.json`: questions written by hand, never used for training.

Independent of any engine: `evaluate` takes a function that answers a conversation.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from server.starter.training.corpus.dialogues import dialogue, normal

QUESTIONS = Path(__file__).parent / "questions.json"
HEAD = 160
ANSWER_TOKENS = 1_000
LONG_CHARACTERS = (1_560, 3_200)
"""Approximate length of 400 to 800 tokens of this model's vocabulary, in characters."""
LOOP = 0.2
"""Share of repeated word sequences from which an answer counts as looping."""

DECLINED = re.compile(r"\b(can't|cannot) (know|answer|help)|\bdon't know\b|beyond me|would only guess", re.IGNORECASE)
STORY = re.compile(r"\b(was|were|lived|said|went)\b", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
WHOLE = re.compile(r"([.!?)\"*`]|[^\w\s,;:])$")
ROW = re.compile(r"(- |\d+\. |\|)")


class AnswerFunction(Protocol):
    """Function that answers the last of some messages (`role` and `content` each)."""

    def __call__(self, messages: list[dict[str, str]], *, seed: int, max_tokens: int) -> str: ...


@dataclass(frozen=True)
class Ratio:
    """A number of successes and the total."""

    right: int
    total: int

    @property
    def value(self) -> float:
        return self.right / self.total

    def __str__(self) -> str:
        return f"{self.right}/{self.total} = {self.value:.0%}"


@dataclass(frozen=True)
class Verdict:
    """One answer and its fault; `fault` is empty when there is none."""

    group: str
    question: str
    answer: str
    off_topic: bool
    fault: str


@dataclass(frozen=True)
class Scores:
    """Scores that the shipped model must reach, and all answers.

    `stories` and `long`: stories written as requested, and were 400 to 800 tokens long; `without_loops`: those
    of both that don't loop.
    """

    on_topic: Ratio
    well_formed: Ratio
    declined: Ratio
    stories: Ratio
    long: Ratio
    without_loops: Ratio
    verdicts: tuple[Verdict, ...]

    def report(self) -> str:
        """Format the scores, and the answers with faults."""
        names = ("on_topic", "well_formed", "declined", "stories", "long", "without_loops")
        rows = [f"{name}: {getattr(self, name)}" for name in names]
        for verdict in self.verdicts:
            if verdict.off_topic or verdict.fault:
                what = "off topic" if verdict.off_topic else verdict.fault
                rows.append(f"  {verdict.group}: {verdict.question!r} ({what}) -> {verdict.answer[:120]!r}")
        return "\n".join(rows)


@cache
def questions() -> Any:
    return json.loads(QUESTIONS.read_text(encoding="utf-8"))


def forbidden() -> frozenset[str]:
    """Return every question of the evaluation, normalized, for the generator to avoid."""
    data = questions()
    asked = [text for _, text in data["questions"]] + [text for text, _ in data["counting"]]
    asked += data["unknowable"] + data["stories"] + data["long"]
    asked += [text for _, turns in data["turns"] for text in turns[-1:]]
    return frozenset(map(normal, asked))


def words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]


@cache
def vocabulary() -> frozenset[str]:
    """Return the words of the corpus; any other word counts as garbled."""
    rng = random.Random(1)
    drawn = (dialogue(rng, frozenset()) for _ in range(12_000))
    return frozenset(word for one in drawn for exchange in one.exchanges for word in words(exchange.answer))


def repeats(text: str, size: int = 8) -> float:
    """Return the share of sequences of `size` words that occurred before; 0 for a text without repetition."""
    spoken = words(text)
    runs = Counter(tuple(spoken[at : at + size]) for at in range(len(spoken) - size + 1))
    return 1 - len(runs) / runs.total() if runs else 0.0


def fault(answer: str, asked: str) -> str:
    """Describe what is incomplete or malformed in an answer; empty when nothing is. Names from the question are
    allowed."""
    text = answer.strip()
    last = text.splitlines()[-1].strip() if text else ""
    if not text or answer != text:
        return "empty" if not text else "stray space"
    if not WHOLE.search(last) and not ROW.match(last):
        return "cut off"
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    if "```" in prose or prose.count('"') % 2 or "\ufffd" in text:
        return "unbalanced"
    strange = set(words(prose)) - vocabulary() - set(words(asked))
    if strange:
        return f"unknown words {sorted(strange)}"
    return "repeats itself" if repeats(prose) > LOOP else ""


def matches(pattern: str, answer: str) -> bool:
    """Tell whether the beginning of an answer matches the topic."""
    head = answer if "`" in pattern or "\\n" in pattern or "[\\s\\S]" in pattern else answer[:HEAD]
    return re.search(pattern, head.lower(), re.DOTALL) is not None


@dataclass(frozen=True)
class Examiner:
    """Asks one model the questions."""

    answer: AnswerFunction
    seed: int

    def ask(self, turns: Iterable[str]) -> str:
        """Ask several questions in one conversation and return the last answer."""
        messages: list[dict[str, str]] = []
        for turn in turns:
            messages.append({"role": "user", "content": turn})
            said = self.answer(messages, seed=self.seed, max_tokens=ANSWER_TOKENS)
            messages.append({"role": "assistant", "content": said})
        return messages[-1]["content"]

    def verdict(self, group: str, turns: list[str], pattern: str) -> Verdict:
        said = self.ask(turns)
        return Verdict(group, turns[-1], said, not matches(pattern, said), fault(said, " ".join(turns)))

    def on_topic(self) -> Iterator[Verdict]:
        data = questions()
        topics = data["topics"] | data["turn_topics"]
        for topic, text in data["questions"]:
            yield self.verdict(topic, [text], topics[topic])
        for text, expected in data["counting"]:
            yield self.verdict("counting", [text], rf"(^|= ?){re.escape(expected)}\.?$")
        for topic, turns in data["turns"]:
            yield self.verdict(topic, turns, topics[topic])

    def unknowable(self) -> Iterator[Verdict]:
        for text in questions()["unknowable"]:
            said = self.ask([text])
            yield Verdict("unknowable", text, said, DECLINED.search(said) is None, fault(said, text))

    def stories(self) -> Iterator[Verdict]:
        for text in questions()["stories"]:
            said = self.ask([text])
            wrong = STORY.search(said) is None or len(words(said)) < 60
            yield Verdict("stories", text, said, wrong, fault(said, text))

    def long(self) -> Iterator[Verdict]:
        low, high = LONG_CHARACTERS
        for text in questions()["long"]:
            said = self.ask([text])
            yield Verdict("long", text, said, not low <= len(said) <= high, fault(said, text))


def share(verdicts: Iterable[Verdict], *, faultless: bool = False, on_topic: bool = False) -> Ratio:
    """Count the verdicts that are faultless, on topic, or both."""
    good = [not (faultless and verdict.fault) and not (on_topic and verdict.off_topic) for verdict in verdicts]
    return Ratio(sum(good), len(good))


def without_loops(verdicts: tuple[Verdict, ...]) -> Ratio:
    """Count the answers that don't loop."""
    return Ratio(sum(repeats(verdict.answer) <= LOOP for verdict in verdicts), len(verdicts))


def evaluate(answer: AnswerFunction, *, seed: int = 1) -> Scores:
    """Ask all questions and score the answers."""
    examiner = Examiner(answer, seed)
    known, unknowable = tuple(examiner.on_topic()), tuple(examiner.unknowable())
    stories, long = tuple(examiner.stories()), tuple(examiner.long())
    everything = (*known, *unknowable, *stories, *long)
    return Scores(
        on_topic=share(known, on_topic=True),
        well_formed=share(everything, faultless=True),
        declined=share(unknowable, on_topic=True),
        stories=share(stories, on_topic=True),
        long=share(long, on_topic=True),
        without_loops=without_loops((*stories, *long)),
        verdicts=everything,
    )
