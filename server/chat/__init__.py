"""Conversion of chat messages to a model's prompt."""
