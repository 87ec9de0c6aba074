"""``streamui doctor``: checks of the server's requirements, with a remedy for each problem."""
