"""What writes the repository's own pages and pictures; nothing of it is installed."""
