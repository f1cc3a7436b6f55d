"""The register of phones: what each is, what is wanted of it, and what it has proved."""
