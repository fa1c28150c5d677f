"""The knowledge base: articles, notices, and the search that finds them and everything else."""
