"""Policies: documents, versions, layers, roll-outs."""
