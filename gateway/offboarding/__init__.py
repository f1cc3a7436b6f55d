"""Unbinding (一键解绑): takes an employee out of everything at once, hands over what was theirs."""
