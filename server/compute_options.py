"""Options of how local models compute: threads, KV cache, and what is read or computed ahead."""

from __future__ import annotations

from server.option import Option, one_of, whole_number


def compute_options() -> tuple[Option, ...]:
    """Return these options, in the order of the help."""
    return (
        Option(
            name="threads",
            parse=whole_number(1, 1024),
            default=None,
            metavar="N",
            help="CPU threads for computing (every core; one for a model as small as the starter)",
        ),
        Option(
            name="kv_tokens",
            parse=whole_number(16, 2**24),
            default=None,
            metavar="N",
            help="size in tokens of one KV cache that all chats share: fits a long chat beside short ones, but is "
            "slower (a cache of --context tokens for each chat)",
        ),
        Option(
            name="cache_ram",
            parse=whole_number(0, 2**24),
            default=1024,
            metavar="MIB",
            help="memory in MiB to keep idle chats, so that their next turn starts sooner (%(default)s)",
        ),
        Option(
            name="cache_disk",
            parse=whole_number(0, 2**24),
            default=2048,
            metavar="MIB",
            help="disk space in MiB to keep idle chats in the data folder, so that their next turn starts sooner also "
            "after a restart; 0: none (%(default)s)",
        ),
        Option(
            name="context_shift",
            parse=one_of("on", "off"),
            default="off",
            metavar="on|off",
            help="on: a full context drops its oldest half; off: the answer ends there (%(default)s)",
        ),
        Option(
            name="draft_ahead",
            parse=one_of("on", "off"),
            default="on",
            metavar="on|off",
            help="on: a message is read while it is being written, so that its answer starts sooner; off: only once it "
            "is sent. Always off behind --upstream (%(default)s)",
        ),
        Option(
            name="speculative",
            parse=one_of("auto", "all", "off"),
            default="auto",
            metavar="auto|all|off",
            help="several tokens in one step where an answer repeats earlier text, while that is measured to be "
            "faster; auto: not for answers with a seed or of temperature 0, whose last bits it could change; all: for "
            "those too (%(default)s)",
        ),
    )
