"""What monitoring says of itself on /metrics."""

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from monitor.results.taken import Taken

ACCEPTED = Counter("taxops_results_accepted_total", "Check results taken")
DISCARDED = Counter("taxops_results_discarded_total", "Check results discarded", ["reason"])
REFUSED_SAMPLES = Counter("taxops_samples_refused_total", "Samples that were no finite number (M-09)")
SAMPLE_BYTES = Gauge("taxops_samples_bytes", "Bytes of the sample store on disk")


def results(taken: "Taken") -> None:
    """Count a batch."""
    ACCEPTED.inc(taken.accepted)
    REFUSED_SAMPLES.inc(taken.refused_samples)
    for _, reason in taken.discarded:
        DISCARDED.labels(reason).inc()
