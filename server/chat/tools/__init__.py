"""Calls of tools: their formats in prompts and answers, and the split of an answer into text and calls."""
