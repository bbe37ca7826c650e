"""Networks of this course in other frameworks: read from Keras and PyTorch, and written as programs for them."""
