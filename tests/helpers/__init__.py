"""Helpers that several test files and benchmarks share."""
