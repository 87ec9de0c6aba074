"""Generations: each an append-only log of numbered events, started, stopped and read from here."""
