"""The two ways to put a conversation on the wire and read the answer; no I/O."""
