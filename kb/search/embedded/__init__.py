"""The index inside the program: tantivy, in a directory of TAXOPS_HOME."""

from kb.search.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
