"""Explorers: pictures whose numbers can be moved. Scenes say what they show, and a widget brings them to a page."""
