"""``streamui doctor``: whether all that the server needs is there, and what to mend."""
