"""``streamui bench``: load from a separate process and measurements. It uses the server only as clients do."""
