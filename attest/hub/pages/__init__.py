"""The hub's pages for people."""

from attest.hub.pages.routes import router

__all__ = ["router"]
