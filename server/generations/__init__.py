"""Generations: append-only logs of numbered events, with starting, stopping and reading."""
