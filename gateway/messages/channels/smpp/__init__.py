"""SMS by SMPP 3.4."""
