"""Typing noise for clean questions: lower case, missing punctuation, greetings, politeness, typing errors."""

from __future__ import annotations

import random
import re

NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
OPENERS = (
    "so ", "ok ", "okay, ", "well, ", "hey, ", "hi, ", "hello, ", "hi! ", "hello! ", "hey ", "and ", "please ", "um, ",
    "hmm, ", "btw ", "by the way, ", "just wondering, ", "quick question: ", "one question: ", "good morning, ",
    "hi there, ", "ah, ", "oh, ", "now ", "alright, ", "sorry, ", "excuse me, ", "tell me, ", "say, ", "also, ",
    "and now ", "thanks. ", "thanks! ", "cool. ", "nice. ", "ok great, ", "good evening, ", "yes, ", "no, ", "but ",
    "great. ", "i see. ", "interesting. ", "then ", "lol ", "wait, ", "one more thing: ", "hello there. ",
)  # fmt: skip
CLOSERS = (
    " please", ", please", " pls", " thanks", ", thanks", " then", " anyway", " now", ", ok", " btw", " in short",
    " for me", ", please tell me", ", i wonder", " again", ", i want to know", " exactly", " here", ", can you tell me",
)  # fmt: skip
SHORTS = (
    ("you are", "ur"), ("you", "u"), ("are", "r"), ("please", "plz"), ("what is", "whats"), ("what is", "wat is"),
    ("what's", "whats"), ("i am", "im"), ("do not", "dont"), ("don't", "dont"), ("can't", "cant"), ("about", "abt"),
    ("how does", "hows"), ("to", "2"), ("because", "cuz"), ("the ", ""), ("a ", ""), ("is ", ""), ("why", "y"),
    ("something", "sth"), ("tell me", "tell"), ("i want", "i wanna"), ("going to", "gonna"), ("explain", "explian"),
)  # fmt: skip


def typo(text: str, rng: random.Random) -> str:
    """Make one typing error: a letter omitted, doubled, swapped with the next, or hit beside its key."""
    places = [index for index, letter in enumerate(text) if letter.isalpha() and index > 0]
    if len(places) < 4:
        return text
    at = rng.choice(places)
    letter = text[at]
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + letter + text[at:]
    if kind == 2:
        return text[:at] + text[at + 1 : at + 2] + letter + text[at + 2 :]
    return text[:at] + rng.choice(NEIGHBOURS.get(letter.lower(), letter)) + text[at + 1 :]


def shorten(text: str, rng: random.Random) -> str:
    """Replace one word by its chat abbreviation, if the text has such a word."""
    long, short = rng.choice(SHORTS)
    return re.sub(rf"\b{long}\b" if long.strip() == long else rf"\b{long}", short, text, count=1)


def dress(question: str, rng: random.Random) -> str:
    """Add a phrase before or after the question, as people do."""
    if rng.random() < 0.22:
        question = rng.choice(OPENERS) + question
    if rng.random() < 0.10:
        question = question + rng.choice(CLOSERS)
    return question


def punctuate(question: str, rng: random.Random) -> str:
    """Choose the end mark: usually the expected one, often none."""
    bare = question.rstrip("?!. ")
    if question != bare or not bare:
        return bare if rng.random() < 0.35 and bare else question
    asks = re.match(r"(.*[ ,])?(what|why|how|who|where|when|which|is|are|can|could|do|does|will|would)\b", bare, re.I)
    marks = ("?", "?", "?", "", "", "??", " ?") if asks else ("", "", "", ".", "!", "?")
    return bare + rng.choice(marks)


def case(question: str, rng: random.Random) -> str:
    """Choose the case: lower case, a capital first letter, or sometimes all capitals."""
    draw = rng.random()
    if draw < 0.45:
        return question.lower()
    if draw < 0.48:
        return question.upper()
    return question[:1].upper() + question[1:]


def typed(question: str, rng: random.Random) -> str:
    """Return the question as a person might have typed it."""
    question = punctuate(dress(question, rng), rng)
    if rng.random() < 0.15:
        question = shorten(question, rng)
    while rng.random() < 0.13:
        question = typo(question, rng)
    if rng.random() < 0.15:
        question = question.replace("'", "").replace(",", "")
    return case(question, rng)
