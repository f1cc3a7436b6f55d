"""Waking: tells a connected phone to look, and never what it will see."""
