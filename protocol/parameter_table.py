"""Table of the sampling parameters, with everything that is said about each in one place.

`make spec` writes from it: the fields of `params` and the Python client's keywords (params.py), the engine's
SamplingParams, the table in PROTOCOL.md, the schema, and the rows of the page's settings. PARAMETERS has the order of
the fields, GROUPS that of the page.
"""

from dataclasses import dataclass
from typing import Final

WHOLE: Final = 2**31 - 1
"""Largest whole number of most parameters."""


@dataclass(frozen=True, slots=True)
class Number:
    """Numbers from ``low`` to ``high``. ``above``: ``low`` itself is not valid."""

    low: float
    high: float
    above: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """Integers from ``low`` to ``high``, both included."""

    low: int
    high: int = WHOLE


@dataclass(frozen=True, slots=True)
class Texts:
    """Lists of ``fewest`` to ``most`` strings, each of 1 to ``longest`` characters."""

    fewest: int
    most: int
    longest: int


@dataclass(frozen=True, slots=True)
class Biases:
    """Objects of up to ``most`` entries: a token id to a number from ``low`` to ``high``."""

    most: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class JsonObject:
    """Any objects of up to ``most`` bytes as JSON."""

    most: int


Values = Number | Whole | Texts | Biases | JsonObject


@dataclass(frozen=True, slots=True)
class Slider:
    """Usual values, for the settings. The field beside the slider accepts all valid ones."""

    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One sampling parameter."""

    name: str
    values: Values
    """The valid values."""
    default: float | tuple[str, ...] | None
    """The engine's value if neither the request nor the model has one; llama.cpp's."""
    meaning: str
    """For PROTOCOL.md, in Markdown."""
    openai: str | None = None
    """Name in OpenAI's chat completions; None: not a part of that API, though llama.cpp's has it by its own name."""
    label: str
    """Name in the settings."""
    hint: str
    """Meaning in the settings, as sentences."""
    shown: str | None = None
    """The default in the settings, in words; None: the number."""
    slider: Slider | None = None
    chip: str | None = None
    """Short label of a set value beside the input, with # for the value; None: the label and a number."""
    style: bool = False
    """True: the page's built-in presets set it, or reset it to its default."""


_SHARE: Final = Slider(0, 1, 0.01)
_PENALTY: Final = Slider(-2, 2, 0.1)

PARAMETERS: Final = (
    Parameter(
        name="temperature",
        values=Number(0, 2),
        default=0.8,
        meaning="0: always the likeliest token",
        openai="temperature",
        label="Temperature",
        hint="How freely the model picks words. Low is focused, high is surprising; 0 always picks the likeliest word.",
        slider=Slider(0, 2, 0.05),
        style=True,
    ),
    Parameter(
        name="top_p",
        values=Number(0, 1),
        default=0.95,
        meaning="keep the likeliest tokens whose probabilities add up to this; 1: off",
        openai="top_p",
        label="Top P",
        hint="Picks from the likeliest words that together reach this share of all chances. 1 turns it off.",
        slider=_SHARE,
        style=True,
    ),
    Parameter(
        name="top_k",
        values=Whole(0),
        default=40,
        meaning="keep this many of the likeliest tokens; 0: off",
        label="Top K",
        hint="Picks from this many of the likeliest words. 0 turns it off.",
        slider=Slider(0, 200, 1),
        style=True,
    ),
    Parameter(
        name="min_p",
        values=Number(0, 1),
        default=0.05,
        meaning="drop tokens less likely than this share of the likeliest one; 0: off",
        label="Min P",
        hint="Drops words that are less likely than this share of the likeliest one. 0 turns it off.",
        slider=_SHARE,
        style=True,
    ),
    Parameter(
        name="typical_p",
        values=Number(0, 1),
        default=1.0,
        meaning="keep the tokens whose surprise is nearest to the expected surprise, up to this total probability; "
        "1: off",
        label="Typical P",
        hint="Keeps the words that are about as surprising as expected, up to this share of all chances. "
        "1 turns it off.",
        slider=_SHARE,
        style=True,
    ),
    Parameter(
        name="top_n_sigma",
        values=Number(-1, 100),
        default=-1.0,
        meaning="keep tokens within so many standard deviations of the best logit; 0 or less: off",
        label="Top n sigma",
        hint="Keeps words within this many standard deviations of the best score. 0 or less turns it off.",
        slider=Slider(-1, 5, 0.1),
        style=True,
    ),
    Parameter(
        name="xtc_probability",
        values=Number(0, 1),
        default=0.0,
        meaning="probability of dropping all likely tokens except the least likely of them (XTC); 0: off",
        label="XTC probability",
        hint="How often the most obvious words are left out, for more unusual writing. 0 turns it off.",
        slider=_SHARE,
        style=True,
    ),
    Parameter(
        name="xtc_threshold",
        values=Number(0, 1),
        default=0.1,
        meaning="probability from which on a token is likely for XTC; above 0.5: off",
        label="XTC threshold",
        hint="Words count as obvious from this chance on. Above 0.5 turns it off.",
        slider=_SHARE,
        style=True,
    ),
    Parameter(
        name="max_tokens",
        values=Whole(1),
        default=None,
        meaning="end with `length` after this many tokens",
        openai="max_completion_tokens",
        label="Max tokens",
        hint="Stops the answer after this many tokens. A token is about three quarters of a word.",
        shown="No limit",
        chip="Max # tokens",
    ),
    Parameter(
        name="stop",
        values=Texts(1, 16, 256),
        default=(),
        meaning="end with `stop` before one of these; the server MUST NOT send any part of it",
        openai="stop",
        label="Stop sequences",
        hint="Stops the answer before any of these texts. Write one per line.",
        shown="None",
        chip="Stop sequences",
    ),
    Parameter(
        name="seed",
        values=Whole(-1, 2**32 - 1),
        default=-1,
        meaning="seed of the random numbers; -1: a random seed",
        openai="seed",
        label="Seed",
        hint="Same seed, same answer. -1 = random.",
    ),
    Parameter(
        name="presence_penalty",
        values=Number(-2, 2),
        default=0.0,
        meaning="penalty for each token that has occurred; 0: off",
        openai="presence_penalty",
        label="Presence penalty",
        hint="Penalizes words that have appeared at all. 0 turns it off, below 0 favors them.",
        slider=_PENALTY,
    ),
    Parameter(
        name="frequency_penalty",
        values=Number(-2, 2),
        default=0.0,
        meaning="penalty for each token, which grows with its number of occurrences; 0: off",
        openai="frequency_penalty",
        label="Frequency penalty",
        hint="Penalizes words by how often they've appeared. 0 turns it off, below 0 favors them.",
        slider=_PENALTY,
    ),
    Parameter(
        name="repeat_penalty",
        values=Number(0, 2, above=True),
        default=1.0,
        meaning="llama.cpp's penalty for recent tokens; 1: off",
        label="Repeat penalty",
        hint="Makes recently used words less likely. 1 turns it off, 1.1 is mild.",
        slider=Slider(0.5, 2, 0.05),
    ),
    Parameter(
        name="repeat_last_n",
        values=Whole(0),
        default=64,
        meaning="number of the answer's last tokens that the presence, frequency and repeat penalties look at; 0: none",
        label="Penalty window",
        hint="How many of the last tokens the three penalties look at. 0 turns them off.",
        slider=Slider(0, 1024, 16),
    ),
    Parameter(
        name="dry_multiplier",
        values=Number(0, 100),
        default=0.0,
        meaning="penalty for continuing a sequence that already occurs in the text (DRY); 0: off",
        label="DRY strength",
        hint="Penalizes repeating a phrase from earlier in the chat. 0 turns it off, 0.8 is usual.",
        slider=Slider(0, 5, 0.1),
    ),
    Parameter(
        name="dry_base",
        values=Number(1, 100),
        default=1.75,
        meaning="DRY's penalty grows by this factor with each repeated token",
        label="DRY growth",
        hint="How fast the penalty grows with each further repeated token.",
        slider=Slider(1, 4, 0.05),
    ),
    Parameter(
        name="dry_allowed_length",
        values=Whole(1),
        default=2,
        meaning="number of repeated tokens without a DRY penalty",
        label="DRY free length",
        hint="Repetitions of up to this many tokens are not penalized.",
        slider=Slider(1, 20, 1),
    ),
    Parameter(
        name="dry_penalty_last_n",
        values=Whole(0),
        default=64,
        meaning="number of last tokens of prompt and answer that DRY searches; 0: off",
        label="DRY window",
        hint="How many of the chat's last tokens are searched for repetitions. 0 turns it off.",
        slider=Slider(0, 1024, 16),
    ),
    Parameter(
        name="dry_sequence_breakers",
        values=Texts(0, 16, 64),
        default=("\n", ":", '"', "*"),
        meaning="strings that end a repetition for DRY",
        label="DRY breakers",
        hint="Texts that end a repetition. Write one per line, and \\n for a line end.",
        shown="Line end, colon, quote, asterisk",
    ),
    Parameter(
        name="logit_bias",
        values=Biases(1024, -100, 100),
        default=None,
        meaning="value added to the logit of each of these tokens",
        openai="logit_bias",
        label="Token biases",
        hint='Makes single tokens more or less likely: a JSON object from token id to number, like {"42": -100}.',
        shown="None",
    ),
    Parameter(
        name="json_schema",
        values=JsonObject(65_536),
        default=None,
        meaning="a JSON schema that the answer obeys; see below",
        openai="response_format",
        label="JSON schema",
        hint='The answer is JSON that follows this schema, like {"type": "object", "properties": {"name": {"type": '
        '"string"}}}.',
        shown="None",
        chip="JSON output",
    ),
)

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Common": ("temperature", "top_p", "max_tokens", "seed", "stop"),
    "Sampling": (
        "top_k",
        "min_p",
        "typical_p",
        "top_n_sigma",
        "xtc_probability",
        "xtc_threshold",
        "logit_bias",
    ),
    "Repetition penalties": ("repeat_penalty", "presence_penalty", "frequency_penalty", "repeat_last_n"),
    "Repeated phrases (DRY)": (
        "dry_multiplier",
        "dry_base",
        "dry_allowed_length",
        "dry_penalty_last_n",
        "dry_sequence_breakers",
    ),
    "Output format": ("json_schema",),
}
"""Groups of the settings and the parameters of each, in display order. The first group can't be folded."""


def describe_range(values: Values) -> str:
    """Describe the valid values for PROTOCOL.md: "number, 0 to 2"."""
    match values:
        case Number(low, high, above=True):
            return f"number above {low:.16g}, up to {high:.16g}"
        case Number(low, high):
            return f"number, {low:.16g} to {high:.16g}"
        case Whole(low, high):
            return f"whole, {low} to {high}"
        case Texts(fewest, most, longest):
            count = f"{fewest} to {most}" if fewest else f"up to {most}"
            return f"list of {count} strings of 1 to {longest} characters"
        case Biases(most, low, high):
            return (
                f"object of up to {most:,} entries: token id in decimal digits (up to 10) to a number, "
                f"{low:.16g} to {high:.16g}"
            )
    return f"object, up to {values.most:,} bytes"
