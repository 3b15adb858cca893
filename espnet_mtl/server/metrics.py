"""What `/metrics` tells, in Prometheus' format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from espnet_mtl.server.jobs import Jobs

SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)


class Metrics:
    """Counters of one server.

    Args:
        jobs: What speaks.
    """

    def __init__(self, jobs: Jobs):
        self._registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered", "route", "status")
        self.rejected = self._counter("rejected", "Requests that were not spoken", "reason")
        self.synthesis = self._counter("synthesis_seconds", "Seconds that threads spent speaking")
        self.audio = self._counter("audio_seconds", "Seconds of sound made")
        help_text = "Seconds from a request to the first byte of its sound"
        self.first_byte = Histogram(
            "espnet_mtl_first_byte_seconds", help_text, buckets=SECONDS, registry=self._registry
        )
        waiting = Gauge("espnet_mtl_waiting", "Requests that wait", registry=self._registry)
        waiting.set_function(lambda: jobs.waiting)
        running = Gauge("espnet_mtl_running", "Requests that are spoken", registry=self._registry)
        running.set_function(lambda: jobs.running)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"espnet_mtl_{name}", meaning, labels, registry=self._registry)

    def text(self) -> bytes:
        """Returns all of them as Prometheus reads them."""
        return generate_latest(self._registry)
