"""Writers of answers behind one port: this process's engine, and later other servers."""
