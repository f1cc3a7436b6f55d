"""The institution's own phones from a list: expected, recognised when they enrol, confirmed or rejected."""
