"""Does a server speak streamui.v1? Cases as data, a runner for any ``ws://`` address, and a pytest plugin.

``python -m protocol.conformance ws://127.0.0.1:8000/ws``; README.md beside this file says more.
"""
