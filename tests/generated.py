"""Writes the code that follows from the protocol's tables: ``python -m tests.generated``, in `make spec`.

Type checkers and browsers need it as text. protocol/spec.py writes the rest: PROTOCOL.md and the schema.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from protocol.messages import SERVER_TYPES
from protocol.parameter_table import GROUPS, PARAMETERS, Biases, JsonObject, Number, Parameter, Texts, Values, Whole

ROOT: Final = Path(__file__).parents[1]

WIRE: Final = ROOT / "protocol" / "params.py"
ENGINE: Final = ROOT / "server" / "engine" / "sampling_params.py"
PAGE: Final = ROOT / "frontend" / "panels" / "parameter-table.js"
PAGE_TYPES: Final = ROOT / "frontend" / "protocol" / "server-message-types.js"

WIRE_HEAD: Final = '''"""Sampling parameters on the wire and as keywords.

`make spec` writes this file from protocol/parameter_table.py.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from msgspec import Meta, Struct

TokenId = Annotated[str, Meta(pattern=r"^[0-9]{1,10}(?!\\n)$", description="a token id in decimal digits")]


class Params(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Sampling parameters, named, defined and bounded as in OpenAI's and llama.cpp's APIs. None: the server's
    default."""

'''

KEYWORDS_HEAD: Final = '''

class ParamsKeywords(TypedDict, total=False):
    """Sampling parameters as keywords of the Python client. None: the server's default."""

'''

ENGINE_HEAD: Final = '''"""Sampling parameters in the engine.

`make spec` writes this file from protocol/parameter_table.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """Sampling parameters, with llama.cpp's names, meanings and defaults (``common_params_sampling``).

    PROTOCOL 4.2 has the meanings, and the values that turn a sampler off. ``max_tokens`` None: up to the end of the
    context. ``grammar`` comes from ``Engine.grammar``. ``top_logprobs`` (0 to 20): each piece has the logprob of the
    chosen token and of this many likeliest ones; None: no logprobs.
    """

'''

ENGINE_TAIL: Final = """    grammar: str | None = None
    top_logprobs: int | None = None
"""

PAGE_HEAD: Final = """/**
 * Sampling parameters in the settings, in display order. `make spec` writes this file from protocol/parameter_table.py.
 */

"""

PAGE_TYPES_HEAD: Final = """/**
 * Types of the server's messages. An EventSource needs a listener for each: without one a message gets lost.
 * `make spec` writes this file from protocol/messages.py.
 */
export const SERVER_MESSAGE_TYPES = [
"""


def texts() -> dict[Path, str]:
    """Return the text of each generated file by its path."""
    fields = "".join(f"    {each.name}: {_wire_type(each.values)} | None = None\n" for each in PARAMETERS)
    keywords = "".join(f"    {each.name}: {_keyword_type(each.values)} | None\n" for each in PARAMETERS)
    inner = "".join(map(_engine_field, PARAMETERS))
    return {
        WIRE: _formatted(WIRE_HEAD + fields + KEYWORDS_HEAD + keywords),
        ENGINE: _formatted(ENGINE_HEAD + inner + ENGINE_TAIL),
        PAGE: _page_module(),
        PAGE_TYPES: PAGE_TYPES_HEAD + "".join(f"  {_js(tag)},\n" for tag in SERVER_TYPES) + "];\n",
    }


def _wire_type(values: Values) -> str:
    match values:
        case Number(low, high, above):
            return f"Annotated[float, Meta({'gt' if above else 'ge'}={low!r}, le={high!r})]"
        case Whole(low, high):
            return f"Annotated[int, Meta(ge={low!r}, le={high!r})]"
        case Texts(fewest, most, longest):
            each = f"Annotated[str, Meta(min_length=1, max_length={longest})]"
            least = f"min_length={fewest}, " if fewest else ""
            return f"Annotated[tuple[{each}, ...], Meta({least}max_length={most})]"
        case Biases(most, low, high):
            each = f"Annotated[float, Meta(ge={low!r}, le={high!r})]"
            return f"Annotated[dict[TokenId, {each}], Meta(max_length={most})]"
        case JsonObject():
            return "dict[str, Any]"


def _keyword_type(values: Values) -> str:
    match values:
        case Number():
            return "float"
        case Whole():
            return "int"
        case Texts():
            return "str | Sequence[str]"
        case Biases():
            return "Mapping[str, float]"
        case JsonObject():
            return "Mapping[str, Any]"


def _engine_field(parameter: Parameter) -> str:
    """Return the engine's field; "" for a JSON object, which the engine gets in another form."""
    name, default = parameter.name, parameter.default
    match parameter.values:
        case Number() | Whole() as values:
            type_ = _keyword_type(values) + (" | None" if default is None else "")
            return f"    {name}: {type_} = {default!r}\n"
        case Texts():
            return f"    {name}: tuple[str, ...] = {default!r}\n"
        case Biases():
            return f"    {name}: Mapping[int, float] = field(default_factory=dict)\n"
        case JsonObject():
            return ""


def _formatted(code: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(WIRE), "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, encoding="utf-8", check=True).stdout


def _page_module() -> str:
    by_name = {parameter.name: parameter for parameter in PARAMETERS}
    rows = [_page_row(by_name[name], group) for group, names in GROUPS.items() for name in names]
    return (
        f"{PAGE_HEAD}/** Titles of the groups, in display order. The first one can't be folded. */\n"
        f"export const GROUPS = {_js(list(GROUPS))};\n\n"
        '/** @type {import("./parameters.js").Parameter[]} */\n'
        f"export const PARAMETERS = [\n{''.join(rows)}];\n"
    )


def _page_row(parameter: Parameter, group: str) -> str:
    slider = parameter.slider
    facts: dict[str, Any] = {
        "name": parameter.name,
        "label": parameter.label,
        "group": group,
        **_page_range(parameter.values),
        "standard": parameter.shown if parameter.shown is not None else f"{parameter.default:.16g}",
        "slider": {"from": slider.low, "to": slider.high, "step": slider.step} if slider else None,
        "chip": parameter.chip,
        "isStyle": parameter.style or None,
        "meaning": parameter.hint,
    }
    lines = (f"    {name}: {_js(value)},\n" for name, value in facts.items() if value is not None)
    return f"  {{\n{''.join(lines)}  }},\n"


def _page_range(values: Values) -> dict[str, Any]:
    match values:
        case Number(low, high, above):
            return {"kind": "number", "above" if above else "minimum": low, "maximum": high}
        case Whole(low, high):
            return {"kind": "integer", "minimum": low, "maximum": high}
        case Texts(fewest, most, longest):
            return {"kind": "strings", "minItems": fewest or None, "maxItems": most, "maxLength": longest}
        case Biases(most, low, high):
            return {"kind": "object", "minimum": low, "maximum": high, "maxItems": most, "hasNumbers": True}
        case JsonObject(most):
            return {"kind": "object", "maxBytes": most}


def _js(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name}: {_js(each)}" for name, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8", newline="\n")
