"""Numbers over time: one protocol, one adapter for each place they may be kept."""

from monitor.samples.base import MAX_POINTS, Point, Sample, SampleStore, SampleStoreError, SeriesInfo, SeriesKey

__all__ = ["MAX_POINTS", "Point", "Sample", "SampleStore", "SampleStoreError", "SeriesInfo", "SeriesKey"]
