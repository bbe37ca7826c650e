"""Tools for instructors: exercise sheets for a class, their answers, and the marks."""
