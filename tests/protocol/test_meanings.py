"""Every field has a description, and every description has a field."""

from protocol.meanings import FIELDS, MESSAGES
from protocol.spec import schema


def test_every_field_has_its_meaning_and_no_other_has() -> None:
    fields = {
        f"{name}.{field}"
        for name, made in schema()["$defs"].items()
        for field in made.get("properties", {})
        if field != "type"
    }
    assert set(FIELDS) == fields
    assert set(MESSAGES) == {name for name, made in schema()["$defs"].items() if "properties" in made}
