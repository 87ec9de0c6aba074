"""Table of the cases that check each MUST: traceability.json.

``python -m protocol.conformance.traceability`` updates the file.

An entry has the sentence of the MUST, and either the cases that cite it or the reason why none can check it. Reasons
are written by hand. A section without a MUST needs a reason too when no case cites it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from protocol.conformance.rules import DOCUMENT, Must, musts, sections
from protocol.conformance.script import Case, load_cases

TABLE: Final = Path(__file__).parent / "traceability.json"


class MustEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One MUST. Exactly one of ``cases`` and ``reason`` is filled."""

    must: str
    cases: tuple[str, ...] = ()
    reason: str = ""


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table. ``musts`` by key; ``unchecked_sections``: sections that no case cites, and the reason."""

    musts: dict[str, MustEntry]
    unchecked_sections: dict[str, str]


def load_table(path: Path = TABLE) -> Table:
    return msgspec.json.decode(path.read_bytes(), type=Table)


def problems(document: str, cases: Iterable[Case], table: Table) -> list[str]:
    """List everything missing, outdated or contradictory, one sentence each. Empty when the table is right."""
    cases = list(cases)
    duties = {must.key: must for must in musts(document)}
    known = {*duties, *sections(document)}
    found = [f"{c.id} cites {k}, which PROTOCOL.md does not have" for c in cases for k in c.checks if k not in known]
    found.extend(f"{key} is in the table, and gone from PROTOCOL.md" for key in table.musts if key not in duties)
    for must in duties.values():
        found.extend(_entry_problems(must, table.musts.get(must.key), cases))
    found.extend(_section_problems(document, cases, table.unchecked_sections))
    return found


def updated(document: str, cases: Iterable[Case], table: Table) -> Table:
    """Return ``table`` with current sentences and cases; reasons are kept where no case cites the MUST."""
    cases = list(cases)
    entries = {}
    for must in musts(document):
        ids = _citing(must.key, cases)
        old = table.musts.get(must.key)
        entries[must.key] = MustEntry(must=must.sentence, cases=ids, reason=old.reason if old and not ids else "")
    return Table(musts=entries, unchecked_sections=table.unchecked_sections)


def _entry_problems(must: Must, entry: MustEntry | None, cases: list[Case]) -> list[str]:
    if entry is None:
        return [f"{must.key} has neither a case nor a reason: {must.sentence}"]
    found = []
    if entry.must != must.sentence:
        found.append(f"{must.key} has changed; look at its cases, then bring the table up to date: {must.sentence}")
    if bool(entry.cases) == bool(entry.reason.strip()):
        found.append(f"{must.key} needs cases or a reason, and not both: {must.sentence}")
    ids = {case.id for case in cases}
    found.extend(f"{must.key} names {name}, which is no case" for name in entry.cases if name not in ids)
    citing = _citing(must.key, cases)
    if {name for name in entry.cases if name in ids} != set(citing):
        found.append(
            f"{must.key}: the table names {', '.join(entry.cases)}; the cases that cite it: {', '.join(citing)}"
        )
    return found


def _section_problems(document: str, cases: list[Case], reasons: Mapping[str, str]) -> list[str]:
    names = sections(document)
    cited = {key.split("/")[0] for case in cases for key in case.checks}
    found = [f"section {name} has no case and no reason" for name in names if name not in cited and name not in reasons]
    found.extend(f"section {name} has a reason, and is gone" for name in reasons if name not in names)
    found.extend(f"section {name} has a reason, and cases too" for name in reasons if name in cited)
    found.extend(f"section {name} has an empty reason" for name, reason in reasons.items() if not reason.strip())
    return found


def _citing(key: str, cases: list[Case]) -> tuple[str, ...]:
    return tuple(case.id for case in cases if key in case.checks)


def main() -> None:
    document, cases = DOCUMENT.read_text(encoding="utf-8"), load_cases()
    table = updated(document, cases, load_table())
    TABLE.write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n")
    print("\n".join(problems(document, cases, table)) or f"{len(table.musts)} MUSTs, all accounted for")


if __name__ == "__main__":
    main()
