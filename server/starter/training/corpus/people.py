"""Names that the user tells the model, greetings in other languages, emoji."""

from __future__ import annotations

import random

from server.starter.training.corpus import texts
from server.starter.training.corpus.exchange import Exchange
from server.starter.training.corpus.grammar import expand, tidy

NAMES = (
    "Anna Ben Carla David Elena Frank Greta Hannah Ivan Julia Kevin Lisa Martin Nina Oliver Paul Quentin Rita Simon "
    "Tanja Uwe Vera Walter Xenia Yusuf Zara Alice Bob Charlie Dora Eric Fiona George Helen Igor Jack Kate Liam Mary "
    "Noah Olivia Peter Rosa Sam Tina Victor Wendy Ahmed Fatima Omar Aisha Wei Mei Hiro Sakura Raj Priya Carlos Maria "
    "Juan Lucia Pierre Marie Luca Giulia Sven Astrid Jan Eva Mark Susan Tim Laura Alex Daniela Chris Sophie Michael "
    "Sarah James Emily John Emma Robert Linda Thomas Karen Steven Nancy Kim Lee Ali Mia Leon Ella Felix Clara Ruth Joe"
).split()
SYLLABLES = "ba be bi bo da de di do fa fe ka ke ki ko la le li lo lu ma me mi mo na ne ni no ra re ri ro sa se ta te ti to va vi".split()
TOLD = (
    "{my name is|i am|i'm|call me|im|you can call me|people call me|my name's|they call me|the name is|name's} <name>",
    "{hi|hello|hey|good morning|hi there|hey there|hello there|good evening}{,|!|} {my name is|i am|i'm|this is|im|it's} <name>",
    "{hi|hello|hey}{,|} <name> here", "this is <name>{| speaking| here}", "i am called <name>", "<name> is my name",
)  # fmt: skip
ASKED = (
    "{what is|what's|whats|do you know|do you remember|can you tell me|tell me|say|do you still know|can you remember} my name{| again| now}", "who am i", "how am i called", "my name{| is what}",
)  # fmt: skip
WHICH = (
    (0, "{hello|hi|good day|a greeting|welcome|hey}"), (1, "{thank you|thanks|thank you very much}"), (2, "{goodbye|bye|see you|farewell}"),
    (3, "{good night|goodnight|sleep well}"), (4, "{something|anything|a sentence|a few words|some words|words}"),
)  # fmt: skip
SAY = (
    "{how do you say|how do i say|how to say|how would you say|how does one say|what is|what's|say|tell me|please say|can you say|could you say|translate|write|what is the word for} <what> {in|in|into} <lang>{| please}",
    "<what> in <lang>{| please}", "<lang> for <what>", "<lang> <what>", "how do {they|people} say <what> in <lang>", "<lang> word for <what>",
)  # fmt: skip
SPEAK = ("{can you|could you|do you|please} {write|speak|say} {something|anything|a bit|a little} {in |}<lang>", "{show me|write|some|give me|type} {some |a little |a bit of |}<lang>{| please| text| words| characters}", "speak <lang>{| please| to me}")  # fmt: skip
GREETINGS = ("{hello|hi|greetings|welcome} in {other|many|different|all|several|five} languages", "{say|write} hello in {many|different|several|other|all} languages", "{languages|foreign languages|something in a foreign language|say something foreign}")  # fmt: skip
EMOJI = {
    "{smileys|happy emoji|faces|smiley faces|emoji faces|a smile|a smiley|happy ones}": "😀 😊 😉 😎 🤖 🥳",
    "{animal emoji|animals|animal emojis|emoji of animals|cute animals}": "🐶 🐱 🦊 🐻 🐼 🦉",
    "{food emoji|food|food emojis|something to eat|fruit emojis|fruit}": "🍎 🍌 🍞 🍕 🍰 ☕",
    "{weather emoji|weather|weather emojis|nature emoji|the sun and the moon}": "☀️ 🌧️ ❄️ 🌈 🌙 ⭐",
    "{heart emoji|hearts|a heart|heart emojis|love}": "❤️ 💙 💚 💛 💜",
}
EMOJI_ASK = (
    "{send|show|give|write|send me|show me|give me|i want|can you send|type} {some |a few |}<what>{| emoji| emojis| as emoji| with emojis| please}", "<what>{| please}",
    "{send|show|give|write|send me|show me|give me|i want|can you write|use|list|do you know|type|can you use} {an emoji|some emoji|emoji|emojis|some emojis|three emojis|five emojis|many emojis|smileys}{| please}", "{emoji|emojis|emoji please|an emoji list|emoji list|list of emojis}",
)  # fmt: skip
HAND = ("😀", "😊", "🙂", "👋", "👍", "❤️", "🎉", "😂", "🤖", "😎", "🐱", "☕", "🥳", "😢", "🌈")


def any_name(rng: random.Random) -> str:
    """Return a common or an invented name, so that the model learns to copy names."""
    if rng.random() < 0.6:
        return rng.choice(NAMES)
    return "".join(rng.choices(SYLLABLES, k=rng.choice((2, 2, 3)))).capitalize()


def names(rng: random.Random) -> list[Exchange]:
    """Make a user who tells a name and asks for it later."""
    if rng.random() < 0.15:
        answer = "{You have not told me your name yet.|I don't know your name yet.} {What is it?|Tell me, and I will try to remember it.}"
        return [Exchange(tidy(expand(rng.choice(ASKED), rng)), expand(answer, rng))]
    name = any_name(rng)
    told = expand(rng.choice(TOLD), rng).replace("<name>", name if rng.random() < 0.7 else name.lower())
    greeting = f"{{Nice to meet you|Hello|Hi|Pleased to meet you|Welcome}}, {name}! {{What can I do for you?|How can I help?|What shall we talk about?|What would you like to know?|I am StreamUI's tiny demo model.}}"  # fmt: skip
    found = [Exchange(tidy(told), expand(greeting, rng), verbatim=True)]
    if rng.random() < 0.45:
        answer = f"{{Your name is {name}.|You are {name}.|You told me that your name is {name}.}}"
        found.append(Exchange(tidy(expand(rng.choice(ASKED), rng)), expand(answer, rng)))
    return found


def languages(rng: random.Random) -> list[Exchange]:
    """Make greetings in other languages, in both directions."""
    known = texts.languages()
    name = rng.choice(list(known))
    draw = rng.random()
    if draw < 0.3:
        index = rng.choice((0, 0, 1, 2, 3))
        reply = f'{known[name][index]}! {{That is {name}.|I know a few words of {name}.|My {name} is small, though.}} {{I speak mostly English.|Let us go on in English.|}}'  # fmt: skip
        return [Exchange(known[name][index], expand(reply, rng).strip())]
    if draw < 0.36:
        lines = "\n".join(f"- {language}: {known[language][0]}" for language in rng.sample(list(known), 5))
        return [Exchange(expand(rng.choice(GREETINGS), rng), f"Here is hello in five languages:\n\n{lines}")]
    index, what = rng.choice(WHICH)
    question = expand(rng.choice(SAY), rng).replace("<what>", expand(what, rng))
    if rng.random() < 0.15:
        index, question = 4, expand(rng.choice(SPEAK), rng)
    question = question.replace("<lang>", name if rng.random() < 0.6 else name.lower())
    phrase = known[name][index].rstrip(".。")
    answer = (
        f'{{In {name}|In {name}, one says}}: "{phrase}".' if index < 4 else f'{{Here is|This is}} {name}: "{phrase}".'
    )
    return [Exchange(tidy(question), expand(answer, rng))]


def emoji(rng: random.Random) -> list[Exchange]:
    """Make a sequence of emoji, or a reply to one."""
    if rng.random() < 0.3:
        sent = " ".join(rng.choices(HAND, k=rng.randrange(1, 4)))
        reply = f"{{{rng.choice(HAND)}|😊|👋}} {{Thank you for the emoji!|Nice one!|What a nice sign!}} {{What can I do for you?|What shall we talk about?}}"
        return [Exchange(sent, expand(reply, rng), verbatim=True)]
    what = rng.choice(list(EMOJI))
    question = expand(rng.choice(EMOJI_ASK), rng).replace("<what>", expand(what, rng))
    return [Exchange(tidy(question), expand("{Here you are|Gladly|Of course}: ", rng) + EMOJI[what])]
