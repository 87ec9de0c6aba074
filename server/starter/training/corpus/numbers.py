"""Counting, the alphabet, days and months, colours, and sums up to twenty."""

from __future__ import annotations

import random
import string

from server.starter.training.corpus.exchange import Exchange
from server.starter.training.corpus.grammar import expand, tidy

WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
LETTERS = ", ".join(string.ascii_uppercase)
BACK = ", ".join(reversed(string.ascii_uppercase))
PLEASE = "{|can you |could you |please |i want you to |let's |would you }"
SERIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("{say|write|recite|tell me|list|show me|give me|what is|sing|do you know} the {alphabet|abc|letters|english alphabet|letters of the alphabet|abcs}", "alphabet", "abc", "the alphabet please", "all letters", "from a to z", "a to z", "which letters are there", "what are the letters of the alphabet"), LETTERS),
    (("{say|write|recite|tell me|list|show me|give me|what is} the {alphabet|abc|letters} {backwards|in reverse|from z to a|from the end|in reverse order|the other way round}", "alphabet {backwards|reversed}", "from z to a", "backwards alphabet"), BACK),
    (("{name|list|tell me|say|write|give me|show me|what are} {the|all|the seven|all the} {days|weekdays} {of the week|in a week|}", "days of the week", "week days", "the days please", "{which|what|how many} days {does a week have|are there|has a week|are in the week}", "the seven days", "monday, tuesday, and then"), "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    (("{name|list|tell me|say|write|give me|show me|what are} {the|all|the 12|all twelve|all the} months{| of the year| in a year| in order}", "months of the year", "the months please", "months", "{which|what|how many} months {does a year have|are there|has a year|are in a year}", "january, february, and then"), "January, February, March, April, May, June, July, August, September, October, November, December"),
    (("{name|list|tell me|say|give me|what are} {the|all|the four|all four} seasons{| of the year}", "the seasons", "seasons", "seasons of the year", "{which|what|how many} seasons {are there|does a year have|do you know|exist}"), "Spring, summer, autumn, winter"),
    (("{name|list|tell me|what are|give me|which are} the {colours|colors} of {the|a} rainbow", "rainbow {colours|colors}", "what colours has a rainbow"), "Red, orange, yellow, green, blue, indigo, violet"),
    (("{name|list|tell me|say|give me|show me|write|what are} {some|three|the|five|all|many} {colours|colors}{| please| that you know}", "colours", "colors", "{which|what} {colours|colors} {are there|do you know|exist|can you name}", "list of {colours|colors}"), "Red, blue, green, yellow, orange, purple, black, white"),
)  # fmt: skip
COUNT_TO = (
    "count {to|up to|till|until} <b>", "count from {one|1} {to|up to|till} <b>", "numbers {up to|from 1 to} <b>", "count <b>",
    "{say|write|list|give me|show me|type|print|tell me} {the |all |}numbers {from 1 to|up to|1 to|from one to} <b>", "1 to <b>",
    "count slowly to <b>", "{do you know how to|are you able to|how do you} count to <b>", "count for me up to <b>", "1 2 3 up to <b>",
)  # fmt: skip
COUNT_FROM = (
    "count from <a> {to|up to|till|until} <b>", "count {up |}from <a> to <b>", "{say|write|list|give me|show me} {the |all |}numbers from <a> to <b>",
    "<a> to <b>", "start at <a> and count to <b>", "numbers <a> to <b>", "count between <a> and <b>", "count <a> to <b>",
)  # fmt: skip
COUNT_DOWN = (
    "count {down|backward|backwards|in reverse} from <b>{| to 1| to one}", "countdown {from |}<b>", "count from <b> {down to|to|back to} 1",
    "{make|do|give me|start|i want} a countdown from <b>", "count <b> to 1", "count down <b>", "{say|write} the numbers from <b> {down to|to} 1",
    "count {backwards|down} starting {at|from|with} <b>", "from <b> {backwards|down}", "reverse count from <b>", "<b> to 1 backwards",
)  # fmt: skip


def row(numbers: range) -> str:
    return ", ".join(map(str, numbers)) + "."


def spoken(number: int, rng: random.Random) -> str:
    """Return the number as digits, or as a word if it has one."""
    return WORDS[number] if number < len(WORDS) and rng.random() < 0.3 else str(number)


def counting(rng: random.Random) -> list[Exchange]:
    """Make a request to count: up, from a number, or down."""
    kind = rng.randrange(3)
    low = rng.randrange(2, 20)
    high = rng.choice((rng.randrange(3, 13), rng.randrange(3, 31), 10, 20, 5, 50 if kind == 0 else 15))
    if kind == 1:
        high = low + rng.randrange(2, 13)
    pattern = rng.choice((COUNT_TO, COUNT_FROM, COUNT_DOWN)[kind])
    question = expand(pattern, rng).replace("<a>", spoken(low, rng)).replace("<b>", spoken(high, rng))
    answer = row((range(1, high + 1), range(low, high + 1), range(high, 0, -1))[kind])
    return [Exchange(tidy(expand(PLEASE, rng) + question), answer)]


def series(rng: random.Random) -> list[Exchange]:
    """Make a request for the alphabet or another well-known sequence."""
    asks, answer = rng.choice(SERIES)
    return [Exchange(tidy(expand(PLEASE, rng) + expand(rng.choice(asks), rng)), answer + ".")]


def sums(rng: random.Random) -> list[Exchange]:
    """Make a sum or difference within twenty, or a small product."""
    kind = rng.choice("++--*")
    left, right = rng.randrange(0, 11), rng.randrange(0, 11)
    if kind == "-":
        left += right
    result = {"+": left + right, "-": left - right, "*": left * right}[kind]
    word = {"+": "{+| + | plus | and |+}", "-": "{-| - | minus |-}", "*": "{*| * | times | x |*}"}[kind]
    sign = {"+": "+", "-": "-", "*": "×"}[kind]
    frame = "{what is|what's|how much is|whats|calculate|compute|solve|and|||do you know|can you calculate|tell me}"
    question = f"{frame} {spoken(left, rng)}{word}{spoken(right, rng)}"
    return [Exchange(tidy(expand(question, rng)), f"{left} {sign} {right} = {result}.")]
