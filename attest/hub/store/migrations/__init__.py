"""The tables as they came to be, one change a file."""
