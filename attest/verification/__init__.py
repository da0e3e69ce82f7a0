"""Whether it can be believed: numbered steps against the caller's trust."""
