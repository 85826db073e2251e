"""What mixtures of voices and noisy speech share: sounds as recipes (plain data), drawn by number, made when needed."""
