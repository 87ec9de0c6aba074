"""Stories, short and long: a hero, a place, one or several quests, an ending. Each draw is different."""

from __future__ import annotations

import random
import re
from functools import cache

from server.starter.training.corpus import texts
from server.starter.training.corpus.exchange import Exchange
from server.starter.training.corpus.grammar import expand, fill, tidy

HEROES = (
    "dragon", "robot", "cat", "dog", "fox", "bear", "mouse", "owl", "rabbit", "hedgehog", "penguin", "elephant", "lion",
    "wolf", "frog", "duck", "horse", "turtle", "squirrel", "knight", "princess", "prince", "wizard", "witch", "pirate",
    "sailor", "girl", "boy", "king", "queen", "ghost", "giant", "dwarf", "fairy", "unicorn", "monster", "snowman",
    "astronaut", "gardener", "painter", "llama", "child", "bird", "fish", "computer",
)  # fmt: skip
SHE = ("Mila", "Lena", "Rosa", "Ida", "Nora", "Tilda", "Emma", "Clara", "Yuki", "Zoe", "Maya", "Olga", "Ines", "Ruby")
HE = ("Tom", "Milo", "Otto", "Finn", "Hugo", "Leo", "Bruno", "Karl", "Pip", "Oskar", "Jonas", "Emil", "Theo", "Max")
WOMEN = ("princess", "witch", "girl", "queen", "fairy")
MEN = ("knight", "prince", "wizard", "boy", "king", "snowman")
PLACES = {
    "lighthouse": "in an old lighthouse by the sea", "forest": "at the edge of a deep forest", "castle": "in a castle on a hill",
    "village": "in a small village", "sea": "by the wide blue sea", "mountain": "high up in the mountains",
    "island": "on a lonely island", "city": "in a big, busy city", "farm": "on a little farm", "garden": "in a wild garden",
    "mill": "in a mill by the river", "cave": "in a dry, warm cave", "ship": "on an old ship in the harbour",
    "moon": "on the quiet side of the moon", "winter": "in a land where it was always winter", "library": "in a huge library",
}  # fmt: skip
HOBBIES = (
    "count the stars", "collect smooth stones", "sing old songs", "watch the clouds", "draw maps", "bake bread",
    "listen to the rain", "fly kites", "repair old things", "tell jokes", "plant flowers", "read by candlelight",
)  # fmt: skip
FRIENDS = (
    "an old owl", "a shy hedgehog", "a grey goose", "a little snail", "a lame crow", "a small beetle", "a tired donkey",
    "a young deer", "a wise toad", "a lost lamb", "a friendly bat", "a clever magpie", "a sleepy badger",
)  # fmt: skip
ANY = (
    "tell me a {|short |nice |little |funny |good |new |different |sweet |quick }{story|tale|fairy tale|bedtime story}{| please}",
    "{story|a story|story please|short story|fairy tale|bedtime story|stories|a tale please|one story please}",
    "{can|could|would|will} you {tell|write|make up|invent|read} {me |}a {|short |nice |little }{story|tale}{| for me| for my children| for my son| for my daughter| before i sleep}",
    "{write|invent|make up|create|give me|read me|i want|i'd like|i need} a {|short |nice |little }{story|tale|fairy tale}{| please}",
    "{do you know|have you got|got} {a|any} {story|stories|tales|good stories}", "{once upon a time|tell a story|tell stories|let me hear a story}",
    "i {want|would like|feel like} {to hear |hearing |}a {story|tale|bedtime story}", "make up a story{| of your own}",
)  # fmt: skip
ABOUT = (
    "{tell me|write|make up|invent|give me|i want|can you tell me|could you write|please tell me|read me|create} a {|short |nice |funny |little |sad |good }{story|tale|fairy tale|bedtime story} {about|with|of} <x>",
    "{story|a story|short story|tale} {about|with} <x>{| please}", "tell me {about|something about} the adventures of <x>",
    "{write|tell me} something about <x> in a story", "{can|do} you {know|have|tell} a story {about|with} <x>",
    "i {want|would like} {to hear |}a story about <x>",
)  # fmt: skip
LONG = (
    "{tell me|write|make up|give me|i want|can you tell me|please tell me|could you write|i'd like} a {long|very long|really long|longer|big|huge|super long|long long|endless} {story|tale|fairy tale|bedtime story}{| please| so that i can watch it stream| to test the stop button}",
    "{long story|a long story|long story please|a very long tale|the longest story you know|your longest story|epic story}",
    "{write|tell} me a story with {several chapters|three chapters|many chapters|many words|500 words|600 words}",
    "{tell me|write} a story that {is very long|takes a while|does not end soon|never ends|goes on and on}",
)  # fmt: skip
LONG_ABOUT = (
    "{tell me|write|make up|give me|i want|can you tell me} a {long|very long|really long} {story|tale|fairy tale} about <x>",
    "{long story|a long story} about <x>{| please}",
)  # fmt: skip
ANOTHER = (
    "{another|another one|another story|one more|one more story|more|again|next|next story|more stories|a different one|a new one|encore}{| please}",
    "{tell me|can you tell me|i want|give me} {another|another one|another story|one more|a different story|a new one|more stories}{| please}",
    "{nice|great|lovely|cool|good|wonderful|beautiful|i liked it|that was nice|thanks}, {another one|one more|tell me another|more please|another story|again please}",
)  # fmt: skip


@cache
def parts() -> dict[str, list[tuple[str, ...]]]:
    """Return each part's blocks, without empty lines."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for block in texts.blocks("stories.txt"):
        found.setdefault(block.keys[0], []).append(tuple(line for line in block.lines if line))
    return found


def article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def cast(rng: random.Random, hero: str, place: str) -> dict[str, str]:
    """Return the slots of one story: names and pronouns that stay the same throughout."""
    woman = hero in WOMEN or (hero not in MEN and rng.random() < 0.5)
    adjective = rng.choice(("little", "young", "brave", "clever", "kind", "quiet", "curious", "cheerful", "shy"))
    pronouns = ("she", "her", "her") if woman else ("he", "his", "him")
    where = PLACES[place]
    return {
        "a": article(adjective), "there": re.sub(r"\ban? ", "the ", where), "hero": hero, "name": rng.choice(SHE if woman else HE), "place": where,
        "Place": where[0].upper() + where[1:], "hobby": rng.choice(HOBBIES), "he": pronouns[0], "his": pronouns[1],
        "him": pronouns[2], "He": pronouns[0].capitalize(),
    }  # fmt: skip


def friend(rng: random.Random) -> dict[str, str]:
    """Return the helper of one quest."""
    who = rng.choice(FRIENDS)
    return {"friend": who, "Friend": who[0].upper() + who[1:], "friend2": "the " + who.split()[-1], "him2": "it"}


def part(name: str, slots: dict[str, str], rng: random.Random) -> str:
    return fill(expand(rng.choice(parts()[name][0]), rng), slots)


def quest(number: int, slots: dict[str, str], rng: random.Random) -> str:
    """Write one quest in two paragraphs."""
    who = friend(rng)
    told = [fill(expand(line, rng), {**slots, **who}) for line in parts()["quest"][number]]
    return " ".join(told[:4]) + "\n\n" + " ".join(told[4:])


def story(rng: random.Random, hero: str, place: str, quests: int) -> str:
    """Write one story. Several quests become chapters, in an order that keeps the model from repeating one."""
    slots = cast(rng, hero, place)
    order = sorted(rng.sample(range(len(parts()["quest"])), quests))
    told = [part("openings", slots, rng)]
    for index, number in enumerate(order):
        if index:
            told.append(part("bridges", slots, rng))
        told.append(quest(number, slots, rng))
    return "\n\n".join([*told, part("endings", slots, rng).strip()])


def chapters(rng: random.Random, hero: str, place: str) -> str:
    """Write a story of three or four quests, about 500 to 680 tokens long."""
    return story(rng, hero, place, rng.choice((3, 4, 4)))


def wish(patterns: tuple[str, ...], subject: str, rng: random.Random) -> str:
    return tidy(fill(expand(rng.choice(patterns), rng), {"x": subject}))


def subject(rng: random.Random, hero: str, place: str) -> tuple[str, str]:
    """Return the listener's request, and the matching place."""
    draw = rng.random()
    if draw < 0.7:
        adjective = expand("{|||brave |little |funny |lonely |big |small |old |young }", rng)
        return rng.choice((article(adjective + hero), article(adjective + hero), f"the {hero}", f"{hero}s")), place
    name = rng.choice([name for name in PLACES if name not in ("winter", "moon")])
    return rng.choice((article(name), f"the {name}", article(hero) + f" and {article(name)}")), name


def stories(rng: random.Random) -> list[Exchange]:
    """Make a short story, and possibly another one."""
    hero, place = rng.choice(HEROES), rng.choice(list(PLACES))
    question = wish(ANY, "", rng)
    if rng.random() < 0.5:
        about, place = subject(rng, hero, place)
        question = wish(ABOUT, about, rng)
    found = [Exchange(question, story(rng, hero, place, 1))]
    if rng.random() < 0.25:
        again = story(rng, rng.choice(HEROES), rng.choice(list(PLACES)), 1)
        found.append(Exchange(expand(rng.choice(ANOTHER), rng), again))
    return found


def long_stories(rng: random.Random) -> list[Exchange]:
    """Make a story long enough to watch it stream and to stop it."""
    hero, place = rng.choice(HEROES), rng.choice(list(PLACES))
    question = wish(LONG, "", rng)
    if rng.random() < 0.3:
        about, place = subject(rng, hero, place)
        question = wish(LONG_ABOUT, about, rng)
    return [Exchange(question, chapters(rng, hero, place))]
