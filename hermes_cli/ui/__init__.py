"""What the user sees and types: styles, the screen of a turn, the prompts; decides nothing."""
