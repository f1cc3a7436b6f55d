"""Quality inspection of one contact: rules, findings, score, report."""
