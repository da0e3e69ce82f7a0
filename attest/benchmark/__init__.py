"""What is asked: pinned benchmarks, their items, and one embedded set of our own."""
