"""Tests of the ingestion: reading, casting, loading."""
