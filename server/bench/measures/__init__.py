"""The measures, one group of figures per file. Each takes a server, sizes and prompts, and returns samples."""
