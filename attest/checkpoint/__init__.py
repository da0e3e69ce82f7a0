"""What was released: a folder walked safely, its strict rules, its manifest and its digests."""
