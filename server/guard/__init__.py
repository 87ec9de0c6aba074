"""Access control: authentication, allowed origins and rate limits."""
