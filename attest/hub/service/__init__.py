"""The hub over HTTP: hooks of other hubs, the API, health and metrics."""
