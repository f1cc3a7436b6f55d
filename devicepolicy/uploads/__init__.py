"""Uploads from phones: call log, messages, SIM recordings, conduct. Kept as evidence, number-blind."""
