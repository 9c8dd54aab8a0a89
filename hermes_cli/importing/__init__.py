"""Knows where other programs keep their keys and which could be ours, and never writes there."""
