"""What keeps Hermes from working, looked for from the key to the account; nothing is decided."""
