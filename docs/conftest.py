"""Folders that pytest skips: the build of the site copies the lessons here."""

collect_ignore = ["lessons", "_lite", "reference"]
