"""The ground: database, vault, ledger, outbox, blobs, access and web kit. Knows no call or phone."""
