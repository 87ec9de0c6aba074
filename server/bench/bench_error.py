"""The error that ends a run."""


class BenchError(Exception):
    """The run can't continue. The text is one line with a cause that a person can fix."""
