"""Exchanges about the topics of the tables: a first question, and follow-up questions."""

from __future__ import annotations

import random

from server.starter.training.corpus import texts
from server.starter.training.corpus.exchange import Exchange
from server.starter.training.corpus.grammar import expand, fill, tidy
from server.starter.training.corpus.texts import Topic

PROGRAM = ("program.txt", "network.txt", "model.txt", "sampling.txt")
MORE = (
    "tell me more", "more", "more please", "go on", "continue", "why", "why?", "more details", "and then", "how so",
    "{can you|could you|please} {tell me more|explain more|go on|say more|give more details|go deeper|elaborate}",
    "{tell me|i want to know|explain|say|give me} {more|a bit more|some more}{| about it| about that| please| details}",
    "{what else|anything else|what more}{| can you tell me| is there to know| should i know}{| about it| about that}",
    "{interesting|cool|nice|ok|i see|great}, {tell me more|go on|more|what else|continue|more about that}",
    "elaborate", "expand on that", "what do you mean", "can you be more precise", "how does it work in detail", "and?",
    "really? {tell me more|how|why}", "i want to know more about {that|it|this}", "keep going", "explain that further",
)  # fmt: skip
AGAIN = (
    "i {don't|do not|didn't|still don't} {understand|get it|get that|follow|quite get it}", "{say|explain} it again",
    "{in other words|other words please|rephrase that|explain it differently|what|huh|sorry, what|again please}",
    "{can you|could you} {explain that|say that|say it|repeat that|rephrase it} {again|differently|in other words}",
    "that {is|was} {too hard|not clear|confusing|unclear}", "{simpler|simpler please|easier please|too complicated}",
)  # fmt: skip
SHORTER = (
    "{shorter|shorter please|too long|make it shorter|keep it short|tl;dr|tldr|in short|short version|summary please}",
    "{say|explain|put} {it|that} in one sentence", "{summarise|summarize|sum up} {that|it|this|your answer}",
    "{in one sentence|in short please|the short version please|only one sentence please|briefly please|be brief}",
    "{can you|could you|please} {make it shorter|shorten that|sum it up|be shorter|say it in one sentence}",
)  # fmt: skip
REPEATABLE = ("coin", "dice", "fact", "riddle", "choose")
ONCE_MORE = (
    "{again|once more|another one|one more|another|next|more|one more time|next one|do it again}{| please}",
    "{nice|ok|cool|great|haha|good}, {again|another one|one more|once more|next|another}{| please}",
)


def all_topics() -> list[Topic]:
    """Return every topic about the program and its model."""
    return [topic for table in PROGRAM for topic in texts.topics(table)]


def framed(topic: Topic, frames: tuple[str, ...], rng: random.Random) -> str:
    """Return a general question frame filled with one of the topic's names."""
    names = [(name, False) for name in topic.singular] + [(name, True) for name in topic.plural]
    name, plural = rng.choice(names)
    slots = {"x": name, "is": "are" if plural else "is", "does": "do" if plural else "does"}
    slots["'s"] = " are" if plural else "'s"
    return tidy(fill(expand(rng.choice(frames), rng), slots))


def ask(topic: Topic, rng: random.Random) -> str:
    """Return a first question about the topic."""
    if topic.singular and (not topic.asks or rng.random() < 0.5):
        return framed(topic, texts.lines("frames.txt"), rng)
    return tidy(expand(rng.choice(topic.asks), rng))


def follow_up(topic: Topic, first: str, rng: random.Random) -> Exchange:
    """Return a follow-up question after the answer `first`."""
    draw = rng.random()
    if draw < 0.6:
        paragraphs = topic.more or tuple(answer for answer in topic.answers if "\\n" not in answer)
        return Exchange(expand(rng.choice(MORE), rng), expand(rng.choice(paragraphs), rng))
    if draw < 0.8:
        return Exchange(expand(rng.choice(SHORTER), rng), expand(topic.brief[0], rng))
    others = [answer for answer in topic.answers if expand(answer, random.Random(0))[:12] != first[:12]]
    return Exchange(expand(rng.choice(AGAIN), rng), expand(rng.choice(others or list(topic.answers)), rng))


def program(rng: random.Random) -> list[Exchange]:
    """Make a question about the program, sometimes with a follow-up."""
    topic = rng.choice(all_topics())
    if topic.singular and rng.random() < 0.05:
        return [Exchange(framed(topic, texts.lines("brief_frames.txt"), rng), expand(topic.brief[0], rng))]
    answer = expand(rng.choice(topic.answers), rng)
    found = [Exchange(ask(topic, rng), answer)]
    while rng.random() < 0.16 and len(found) < 3:
        found.append(follow_up(topic, answer, rng))
    return found


def talk(rng: random.Random) -> list[Exchange]:
    """Make small talk. Gibberish has no patterns in this table; it has its own source."""
    topic = rng.choice([topic for topic in texts.topics("talk.txt") if topic.asks])
    found = [Exchange(ask(topic, rng), expand(rng.choice(topic.answers), rng))]
    while topic.name in REPEATABLE and rng.random() < 0.25:
        found.append(Exchange(expand(rng.choice(ONCE_MORE), rng), expand(rng.choice(topic.answers), rng)))
    return found
