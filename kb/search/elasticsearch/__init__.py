"""The index in a cluster of Elasticsearch 8, chosen by TAXOPS_ELASTICSEARCH_URL."""

from kb.search.elasticsearch.engine import ElasticsearchEngine

__all__ = ["ElasticsearchEngine"]
