"""One module a command; each reads its options and prints, and leaves deciding to the rest."""
