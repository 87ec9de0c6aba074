"""JSON schemas: which of them an answer can be held to, and their form for llguidance."""
