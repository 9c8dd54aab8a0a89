"""What may be set."""

LIFETIME_MILLISECONDS = 60_000
