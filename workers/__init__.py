"""Runs jobs and says what happens to them. Knows nothing of Flask or sockets."""
