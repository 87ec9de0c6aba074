"""Whatever writes answers, behind one port: the engine of this process, and later other servers."""
