"""Conversations as files: what is exported, and what is imported, also from other programs."""
