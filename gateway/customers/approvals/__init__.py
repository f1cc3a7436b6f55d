"""Maker and checker: asked by one person, decided by another."""
