"""The streamui.v1 wire protocol: messages, their text form, and a session without I/O.

PROTOCOL.md beside this file is the authority; comments here cite its section numbers (``PROTOCOL 6.2``).
Nothing in this package reads a clock or a socket: time is passed in, frames are passed in and handed out.
"""
