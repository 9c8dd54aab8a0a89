"""Bytes to and from an endpoint: the only socket, and the arithmetic around it."""
