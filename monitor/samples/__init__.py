"""Numbers over time: one protocol, one adapter for each place they may be kept."""

from monitor.samples.base import Point, Sample, SampleStore, SampleStoreError, SeriesKey

__all__ = ["Point", "Sample", "SampleStore", "SampleStoreError", "SeriesKey"]
