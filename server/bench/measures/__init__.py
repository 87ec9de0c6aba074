"""What is measured, one group of figures in each file. All take a server, sizes and prompts, and return samples."""
