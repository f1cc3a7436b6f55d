"""Finds contact data in texts and decides what becomes of a message."""
