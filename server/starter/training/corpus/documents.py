"""Markdown answers: code, tables, lists, recipes, poems and jokes."""

from __future__ import annotations

import random

from server.starter.training.corpus import texts
from server.starter.training.corpus.exchange import Exchange
from server.starter.training.corpus.grammar import expand, tidy
from server.starter.training.corpus.texts import Block

LABELS = {
    "python": "Python", "javascript": "JavaScript", "bash": "Bash", "html": "HTML", "css": "CSS", "c": "C", "java": "Java",
    "rust": "Rust", "go": "Go", "sql": "SQL", "json": "JSON",
}  # fmt: skip
SPOKEN = {"javascript": ("javascript", "js", "java script"), "bash": ("bash", "shell", "sh"), "python": ("python", "py"), "go": ("go", "golang")}  # fmt: skip
CODE = (
    "{write|show me|give me|i need|can you write|could you show me|please write|i want|how do i write|make|create|code|can i see} {|code for |an example of |a program for |some code for }<task> {in|using|with} <lang>{| please| for me}",
    "<lang> {|code |example |program |script |snippet }{|for |of |: }<task>{| please}", "<task> {in|with} <lang>", "<lang> <task>", "<lang>: <task>",
    "how {do i|can i|to|would you} {write|do|make|code|program} <task> in <lang>", "{how does|what does} <task> look like in <lang>", "<task> <lang>",
)  # fmt: skip
SOME_CODE = (
    "{show me|give me|write|i want to see|can you write|please write|could you write} {|some |a bit of |a piece of |a little |an example of |a small piece of }<lang>{| code| program| script| snippet| example}{| please}",
    "{can you|do you} {code|program|write code} in <lang>", "<lang> {code|example|program|script|snippet}{| please}", "<lang> {please|code please}",
)  # fmt: skip
ANY_CODE = (
    "{show me|give me|write|can you write|i want to see|please write} {some code|a code block|a program|a small program|code|a code example|a script|a function|an example program|source code}{| please}",
    "{can you|do you} {code|program|write code|write programs|write software}", "{code|some code|code please|code example|hello world|hello world program|a hello world program please}",
)  # fmt: skip
NO_CODE = (
    "{write|program|code|make|build|show me|can you write|create} {a web server|an app|a game|tetris|snake|a chess engine|a database|a website with login|quicksort|a binary search tree|a neural network|an operating system|a calculator app|a parser|a compiler|a chat bot|a login form|a web scraper|a discord bot|a physics engine|dijkstra's algorithm|a linked list|a regex for emails} {|in python|in java|in haskell|in c++|in rust|in kotlin|in swift|in php|in ruby|in assembler|in typescript|in lua|in perl|for me}",
    "{hello world|a loop|fibonacci|a function|sorting} in {haskell|kotlin|swift|php|ruby|assembler|perl|fortran|cobol|lisp|scala|erlang|lua|pascal|brainfuck|matlab|r|basic}",
    "{fix|debug|review|explain|improve|refactor} {my code|this code|this bug|my program|this function|the error in my code|my script}",
)  # fmt: skip
TABLE = (
    "{show me|make|give me|write|create|draw|can you make|i want|i need|print|could you draw|please make|display} a {|markdown |small |nice |little }table {of|with|about|for|on|showing} <key>{| please}",
    "table {of|with|about|for} <key>", "<key> {as a table|in a table|table}", "{list|compare|show} <key> in a table", "a table {of|with} <key>{| please}", "{put|write} <key> {in|into} a table",
)  # fmt: skip
ANY_TABLE = (
    "{show me|make|give me|write|create|draw|can you make|i want to see|can you draw|please show} {a|a small|an example|some|a markdown|one|a simple} table{| please| for me}",
    "{table|tables|markdown table|a table please|can you do tables|example table|do you know tables|some table}", "{show me|write|demonstrate} {some markdown|markdown|a markdown example}",
)  # fmt: skip
LIST = (
    "{write|make|give me|show me|i need|can you make|create|please write|i want|could you write|help me with|prepare} <key>{| please| for me| for tomorrow| for today| for the week}",
    "<key>{| please}", "{list|name|tell me|what are|name some} <key>", "{a list of|list of|make a list of|give me a list of|some ideas for|tips for} <key>",
    "{name|list|give me|tell me} <number> <key>",
)  # fmt: skip
STEPS = (
    "{how do i|how can i|how do you|how to|how does one|how would you|can you tell me how to|i want to} {make|cook|prepare|do} <key>", "{tell me|explain|show me|give me|write} {|how to make |the steps for |instructions for }<key>",
    "<key>{| please| recipe}", "{recipe|a recipe|the recipe|steps|instructions} for <key>", "i want to {make|cook|prepare|learn} <key>", "what do i need {to make|for} <key>",
)  # fmt: skip
POEM = (
    "{write|compose|make|tell me|give me|i want|can you write|say|recite|could you write|please write|create} {|me }a {|short |little |nice |small |beautiful |long }{poem|rhyme|verse|poem in rhymes} {about|on|for} <key>{| please}",
    "{poem|a poem|rhyme|verses|short poem|a little poem} about <key>{| please}",
)  # fmt: skip
ANY_POEM = (
    "{write|compose|tell me|give me|i want|can you write|recite|say|do you know|could you write|please write} {|me }a {|short |little |nice |small |beautiful }{poem|rhyme|verse}{| please| for me}",
    "{poem|a poem|poetry|rhyme|a poem please|make a rhyme|rhyme something|can you rhyme|are you a poet|write poetry|another poem|be poetic|haiku|write a haiku}",
)  # fmt: skip
POEM_AGAIN = (
    "{another|another one|one more|another poem|more poems|again}{| please}",
    "{nice|lovely|beautiful}, {another one|one more}{| please}",
)
JOKE = (
    "{tell me|tell|give me|do you know|say|make|i want|have you got|can you tell me|i'd like|share|know} {a|a good|a funny|a short|any|one|a silly|a bad|another|a computer|a programmer|a nerdy} joke{| please| about computers| about programmers}",
    "{joke|jokes|a joke|joke please|a joke please|funny joke|tell jokes|be funny|say something funny|tell me something funny|cheer me up|make a joke|can you be funny|got jokes|are you funny|knock knock|do you have humour|i want to laugh|i need a laugh}",
)  # fmt: skip
ANOTHER = (
    "{another|another one|one more|more|again|next|next one|more jokes|a better one|a different one}{| please}", "{haha|lol|hehe|good one|nice|funny|hahaha|lmao|that was good|not bad|i don't get it|ok}{, |. | }{another|another one|one more|more|again|tell me another|another joke|next}{| please}",
    "{tell me|give me|can you tell me|do you have|i want|do you know|let's hear} {another|another one|one more|another joke|a better one|more jokes|one more joke|more}{| please}",
)  # fmt: skip
NUMBERS = {3: "three", 4: "four", 5: "five", 6: "six"}


def fence(language: str, code: str) -> str:
    return f"```{language}\n{code.strip()}\n```"


def code(rng: random.Random) -> list[Exchange]:
    """Make a request for a program, with a small program or the answer that a large one is too hard."""
    if rng.random() < 0.15:
        answer = "I can write only very small programs{, such as \"Hello, world!\" or a loop|}. {For real code|For that}, load a larger model with `--model`."  # fmt: skip
        return [Exchange(tidy(expand(rng.choice(NO_CODE), rng)), expand(answer, rng))]
    everything = texts.blocks("code.txt")
    language = rng.choice(sorted({block.keys[0] for block in everything if rng.random() < 0.5} or {"python"}))
    samples = [block for block in everything if block.keys[0] == language]
    sample, question = rng.choice(samples), rng.choice(CODE)
    if (draw := rng.random()) < 0.12:
        sample, question = samples[0], rng.choice(SOME_CODE)
    elif draw < 0.2:
        sample, question = everything[0], rng.choice(ANY_CODE)
    spoken = rng.choice(SPOKEN.get(sample.keys[0], (sample.keys[0],)))
    question = expand(question, rng).replace("<task>", rng.choice(sample.keys[1:])).replace("<lang>", spoken)
    label = LABELS[sample.keys[0]]
    opening = expand(f"Here is {{a small example|an example|a little program|some code}} in {label}:", rng)
    return [Exchange(tidy(question), f"{opening}\n\n{fence(sample.keys[0], sample.body)}")]


def table(rng: random.Random) -> list[Exchange]:
    """Make a table on a subject, or any table."""
    block = rng.choice(texts.blocks("tables.txt"))
    question = expand(rng.choice(TABLE), rng).replace("<key>", rng.choice(block.keys))
    if rng.random() < 0.25:
        question = expand(rng.choice(ANY_TABLE), rng)
    return [
        Exchange(
            tidy(question), expand("{Here is a table:|Here you are:|A small table:}", rng) + "\n\n" + block.body.strip()
        )
    ]


def listing(block: Block, count: int, rng: random.Random) -> str:
    """Format some lines of the block as a list, occasionally with task boxes."""
    mark = rng.choice(("- ", "- ", "- [ ] ")) if "list" in block.keys[0] and count > 3 else "- "
    return "\n".join(mark + line for line in rng.sample([line for line in block.lines if line], count))


def list_or_steps(rng: random.Random) -> list[Exchange]:
    """Make a list with the requested number of lines, or numbered steps."""
    block = rng.choice(texts.blocks("lists.txt"))
    form, key = block.keys[0], rng.choice(block.keys[1:])
    rows = [line for line in block.lines if line]
    patterns = STEPS if form == "steps" else LIST if form == "pick" else LIST[:-1]
    question = expand(rng.choice(patterns), rng).replace("<key>", key)
    opening = expand("{Here you are:|Here is a list:|Gladly:|Of course:}", rng)
    if form == "pick":
        count = rng.choice(list(NUMBERS))
        asked = "<number>" in question
        question = question.replace("<number>", rng.choice((str(count), NUMBERS[count])))
        count = count if asked else rng.choice((5, 6))
        return [Exchange(tidy(question), f"{opening}\n\n{listing(block, count, rng)}")]
    if form == "steps":
        opening = expand("{Here are the steps:|This is how it goes:|It is easy:}", rng)
    return [Exchange(tidy(question), opening + "\n\n" + "\n".join(f"{n}. {row}" for n, row in enumerate(rows, 1)))]


def poem(rng: random.Random) -> list[Exchange]:
    """Make a short poem on a subject, or any poem."""
    block = rng.choice(texts.blocks("poems.txt"))
    question = expand(rng.choice(POEM), rng).replace("<key>", rng.choice(block.keys))
    if rng.random() < 0.3:
        question = expand(rng.choice(ANY_POEM), rng)
    found = [Exchange(tidy(question), block.body.strip())]
    if rng.random() < 0.2:
        another = rng.choice([other for other in texts.blocks("poems.txt") if other != block])
        found.append(Exchange(expand(rng.choice(POEM_AGAIN), rng), another.body.strip()))
    return found


def joke(rng: random.Random) -> list[Exchange]:
    """Make a joke, and possibly further ones."""
    jokes = rng.sample(texts.lines("jokes.txt"), 3)
    found = [Exchange(tidy(expand(rng.choice(JOKE), rng)), jokes[0])]
    for another in jokes[1:]:
        if rng.random() < 0.35:
            found.append(Exchange(tidy(expand(rng.choice(ANOTHER), rng)), another))
    return found
