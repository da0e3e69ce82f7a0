"""One check, many doors: each turns its source into the same kind of snapshot."""
