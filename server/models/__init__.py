"""Models on this machine: finding them, names, memory need and downloads. Files of other programs are only read."""
