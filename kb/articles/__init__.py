"""Articles: drafts, review, versions, feedback, and what they were used for (K-01, K-02, K-05)."""
