"""Training and evaluation of the built-in model, which a wheel doesn't contain. See README.md."""
