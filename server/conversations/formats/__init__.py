"""File formats of conversations: export, and import, also from other programs."""
