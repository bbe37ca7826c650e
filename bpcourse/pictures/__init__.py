"""What shows: pictures that only read what the engine computed."""
