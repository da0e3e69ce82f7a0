"""What is said and by whom: statement, envelope, bundle, keys."""
