"""An employee's own customers in the order in which they should be contacted."""
