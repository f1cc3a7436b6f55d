"""The device wing: phones under policy, proved by what the phones themselves report."""
