"""JupyterLab for the course: the lessons and the server."""
