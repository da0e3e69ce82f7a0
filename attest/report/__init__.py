"""Records for people: terminal screens and plain words."""
