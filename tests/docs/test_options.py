"""docs/options.md matches the table of options."""

from tests.docs.options import FILE, document


def test_options_document_is_that_of_the_table() -> None:
    assert FILE.read_text() == document(), "docs/options.md is out of date: make spec"
