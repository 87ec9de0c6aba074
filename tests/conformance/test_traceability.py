"""Every MUST of PROTOCOL.md has a case or a reason why not; and that check finds mistakes."""

import msgspec
import pytest

from protocol.conformance.rules import DOCUMENT, musts, sections
from protocol.conformance.script import Case, Settle, load_cases
from protocol.conformance.traceability import MustEntry, Table, load_table, problems, updated

SMALL = """MUST is a word.

## 1 One

1.1 It MUST a. It may
1.2 times b, and the client MUST NOT c and MUST d.

1.2 Nothing here.

### 2.1 `two`

| x | the server MUST e |
"""


def case(*checks: str, id: str = "c") -> Case:
    return Case(id=id, title="t", checks=checks, steps=(Settle(),))


def small_table() -> Table:
    entries = {
        "1.1/1": MustEntry(must="It MUST a.", cases=("c",)),
        "1.1/2": MustEntry(must="It may 1.2 times b, and the client MUST NOT c and MUST d.", reason="the client's"),
        "1.1/3": MustEntry(must="It may 1.2 times b, and the client MUST NOT c and MUST d.", reason="the client's"),
        "2.1/1": MustEntry(must="| x | the server MUST e |", cases=("c",)),
    }
    return Table(musts=entries, unchecked_sections={"1": "a heading", "1.2": "nothing there"})


CITING = ("1.1/1", "2.1/1")


def test_every_must_has_a_case_or_a_reason() -> None:
    text = "\n".join(problems(DOCUMENT.read_text(encoding="utf-8"), load_cases(), load_table()))
    assert not text, f"{text}\nAfter a look at them: python -m protocol.conformance.traceability"


def test_there_are_enough_cases() -> None:
    assert len(load_cases()) >= 60


def test_the_musts_of_a_document() -> None:
    assert [must.key for must in musts(SMALL)] == ["1.1/1", "1.1/2", "1.1/3", "2.1/1"]
    assert list(sections(SMALL)) == ["1", "1.1", "1.2", "2.1"]
    assert {must.key: must.sentence for must in musts(SMALL)} == {k: e.must for k, e in small_table().musts.items()}


def test_all_is_well_with_the_small_one() -> None:
    assert problems(SMALL, [case(*CITING)], small_table()) == []


@pytest.mark.parametrize(
    ("document", "cases", "complaint"),
    [
        (SMALL + "\nIt MUST f.\n", [case(*CITING)], "2.1/2 has neither a case nor a reason"),
        (SMALL.replace("MUST e", "may e"), [case("1.1/1")], "2.1/1 is in the table, and gone"),
        (SMALL.replace("MUST a", "MUST z"), [case(*CITING)], "1.1/1 has changed"),
        (SMALL, [case(*CITING, "9.9")], "c cites 9.9"),
        (SMALL, [case(*CITING, "1.1/7")], "c cites 1.1/7"),
        (SMALL, [case(*CITING, id="d")], "1.1/1 names c, which is no case"),
        (SMALL, [case("1.1/1")], "2.1/1: the table names c; the cases that cite it: "),
        (SMALL, [case(*CITING, "1.1/2")], "1.1/2: the table names ; the cases that cite it: c"),
        (SMALL + "\n2.2 More.\n", [case(*CITING)], "section 2.2 has no case and no reason"),
        (SMALL.replace("1.2 Nothing", "Nothing"), [case(*CITING)], "section 1.2 has a reason, and is gone"),
        (SMALL, [case(*CITING, "1.2")], "section 1.2 has a reason, and cases too"),
    ],
)
def test_errors_name_the_fault(document: str, cases: list[Case], complaint: str) -> None:
    assert any(text.startswith(complaint) for text in problems(document, cases, small_table()))


def test_neither_and_both_and_empty_are_reported() -> None:
    table = small_table()
    table.musts["1.1/1"] = MustEntry(must="It MUST a.", cases=("c",), reason="and a reason")
    table.musts["1.1/2"] = msgspec.structs.replace(table.musts["1.1/2"], reason=" ")
    table.unchecked_sections["1"] = " "
    found = problems(SMALL, [case(*CITING)], table)
    assert [text.split(" ")[0] for text in found] == ["1.1/1", "1.1/2", "section"]


def test_bringing_it_up_to_date_keeps_the_reasons() -> None:
    table = updated(SMALL.replace("MUST a", "MUST z"), [case(*CITING, id="d")], small_table())
    assert table.musts["1.1/1"] == MustEntry(must="It MUST z.", cases=("d",))
    assert table.musts["1.1/2"].reason == "the client's"
    assert problems(SMALL.replace("MUST a", "MUST z"), [case(*CITING, id="d")], table) == []
