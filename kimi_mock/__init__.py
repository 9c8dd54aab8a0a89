"""A loopback Kimi of four surfaces for tests; it knows the wire and nothing of our client."""
