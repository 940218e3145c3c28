"""Counts for Prometheus, kept in one place and shown at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # seconds


class Metrics:
    """One process's counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.gaps = Gauge("headway_gaps", "Times the channel was lost", registry=self._registry)
        self.reloads = self._counter("reloads", "Times every watched topic was read again")
        self.frames = self._counter("frames", "Frames encoded, each once for all its watchers")
        self.conflated = self._counter("conflated_updates", "Updates that a newer one replaced before it was sent")
        self.slow_closes = self._counter("slow_closes", "Connections closed because they did not read")
        self.ends_told = self._counter("ends_told", "Ends of jobs sent to their owners")
        self.lost_workers = self._counter("lost_workers", "Times a worker was found silent")
        self.connections = Gauge("headway_connections", "Connections that are open", registry=self._registry)
        self.lag = Histogram(
            "headway_lag_seconds",
            "From the write of a state in Redis to its being handed to the sockets (clocks of one machine)",
            buckets=LAG_BUCKETS,
            registry=self._registry,
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"headway_{name}", text, registry=self._registry)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)
