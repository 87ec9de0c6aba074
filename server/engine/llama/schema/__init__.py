"""JSON schemas: which of them an answer can be kept to, and the form in which llguidance compiles them."""
