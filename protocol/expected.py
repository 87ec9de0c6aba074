"""Descriptions of valid values for a field, derived from its type in messages.py."""

from msgspec import inspect


def plain(info: inspect.Type) -> inspect.Type:
    """Return ``info`` without the None that only means "may be left out"."""
    if not isinstance(info, inspect.UnionType):
        return info
    rest = [t for t in info.types if not isinstance(t, inspect.NoneType)]
    return rest[0] if len(rest) == 1 else info


def bare(info: inspect.Type) -> inspect.Type:
    """Return ``info`` without None and without its description."""
    info = plain(info)
    return info.type if isinstance(info, inspect.Metadata) else info


def field_of(info: inspect.Type, name: str) -> inspect.Field | None:
    """Return the field named ``name`` on the wire; None when ``info`` is not an object with such a field."""
    info = bare(info)
    fields = info.fields if isinstance(info, inspect.StructType) else ()
    return next((f for f in fields if f.encode_name == name), None)


def names_of(info: inspect.Type) -> list[str]:
    info = bare(info)
    return [f.encode_name for f in info.fields] if isinstance(info, inspect.StructType) else []


def describe(info: inspect.Type) -> str:
    """Describe a type, for example "a number from 0 to 2" or 'one of "system", "user", "assistant"'."""
    info = plain(info)
    match info:
        case inspect.Metadata(extra_json_schema={"description": str(words)}):
            return words
        case inspect.Metadata(type=inner):
            return describe(inner)
        case inspect.FloatType(ge=low, gt=above, le=high):
            return f"a number {_range(low, above, high)}".rstrip()
        case inspect.IntType(ge=low, gt=above, le=high):
            return f"a whole number {_range(low, above, high)}".rstrip()
        case inspect.StrType(min_length=low, max_length=high):
            return f"a string {_size(low, high, 'characters')}".rstrip()
        case inspect.VarTupleType(min_length=low, max_length=high):
            return f"a list {_size(low, high, 'items')}".rstrip()
        case inspect.DictType(min_length=low, max_length=high):
            return f"an object {_size(low, high, 'entries')}".rstrip()
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(f'"{value}"' for value in values)
        case inspect.BoolType():
            return "true or false"
        case _:
            return "an object"


def _range(low: float | None, above: float | None, high: float | None) -> str:
    if above is not None:
        return f"above {above:.16g} and up to {high:.16g}"
    return f"from {low:.16g} to {high:.16g}" if high is not None else ""


def _size(low: int | None, high: int | None, of: str) -> str:
    if high is None:
        return f"of at least {low} {of}" if low else ""
    return f"of {low} to {high} {of}" if low else f"of at most {high} {of}"
