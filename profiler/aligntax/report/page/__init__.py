"""Pages that need nothing more: what they are made of, how they are drawn, and how they are written."""
