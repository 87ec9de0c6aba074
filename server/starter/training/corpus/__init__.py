"""The starter model's training dialogues: text tables in `texts/` and the generators that combine them."""
