"""``streamui bench``: a load from another process, and what it measured. It knows the server only as its clients do."""
