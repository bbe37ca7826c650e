"""What an instructor needs: exercise sheets for a class, their answers, and the marks."""
