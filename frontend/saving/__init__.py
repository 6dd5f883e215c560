"""Files: `.keras` archives, their configs and weights, and the closed tables through which names become objects."""
