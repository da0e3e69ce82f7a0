"""What Prometheus asks for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STATES = ("queued", "deferred", "waiting", "done")


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "attest_hub_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "attest_hub_request_seconds",
            "Time until a request was answered.",
            ("method", "route"),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self._registry,
        )
        self._verdicts = Counter(
            "attest_hub_verdicts",
            "Listings judged by this process when asked.",
            ("state", "action"),
            registry=self._registry,
        )
        self._deliveries = Gauge(
            "attest_hub_deliveries", "Uploads known, by state.", ("state",), registry=self._registry
        )
        self._policy = Gauge(
            "attest_hub_policy_is_current",
            "1 if the policy and all that it names are in force as they lie there, else 0.",
            registry=self._registry,
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; `route` is a template, never what was asked for."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def count_verdict(self, state: str, action: str) -> None:
        """Count one verdict."""
        self._verdicts.labels(state, action).inc()

    def text(self, deliveries: dict[str, int], *, policy_is_current: bool) -> bytes:
        """All of it, in the text format of Prometheus."""
        self._policy.set(policy_is_current)
        for state in STATES:
            self._deliveries.labels(state).set(deliveries.get(state, 0))
        return generate_latest(self._registry)
