"""Bills and reminders."""
