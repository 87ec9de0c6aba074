"""Conformance tests for streamui.v1: cases as data, a runner for any server address, and a pytest plugin.

``python -m protocol.conformance ws://127.0.0.1:8000/ws``; see README.md in this folder.
"""
