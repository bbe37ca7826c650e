"""Explains, asks and marks: the pass as scalar equations, worked solutions, mistakes and verdicts."""
