"""Whereabouts of work phones: off unless a policy and the employee's own consent both say otherwise."""
