"""Kimi's endpoints, which one a key belongs to, and how to talk to it; no command line."""
