"""Sensitive behaviour of staff that a channel shows: what each is, how bad, and the alert it raises."""
