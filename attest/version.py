"""The version of this package, which is also the version of the verifier in its reports."""

__version__ = "0.1.0"
