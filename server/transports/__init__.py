"""Endpoints: each turns one kind of connection into commands to the registry and reads of its logs."""
