"""A store that forgets."""
