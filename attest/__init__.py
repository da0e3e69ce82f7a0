"""attest: check that a model license was met."""
