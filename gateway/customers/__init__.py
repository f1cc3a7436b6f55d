"""Customers: who may be reached, under which consent; their numbers exist only sealed."""
