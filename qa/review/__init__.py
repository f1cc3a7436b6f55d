"""Review: a person confirms or overturns findings; the inspected person may object."""
