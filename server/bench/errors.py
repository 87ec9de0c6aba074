"""What ends a run."""


class BenchError(Exception):
    """The run can't go on; the text is one line that a person can act on."""
