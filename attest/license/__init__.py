"""What was promised: terms, the arithmetic of their thresholds, and the verdict on counts."""
