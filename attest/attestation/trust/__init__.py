"""Whom a verifier believes: roles, thresholds, and how that may change."""
