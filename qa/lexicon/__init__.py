"""Sensitive words: versioned packs, one normalisation with offsets, and matching on characters and sound."""
