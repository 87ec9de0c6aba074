"""What every test stands on."""

import signal

# A shell that runs the tests in the background has them ignore SIGINT, and so would every program that they start: then
# nothing that is said here of Ctrl-C could be seen.
signal.signal(signal.SIGINT, signal.default_int_handler)
