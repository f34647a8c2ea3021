"""A guarded language model in miniature: real forward passes behind real guards, to see what those cost."""
