"""The agent on twenty small repositories with a failing test each, against any Route."""
