"""The doors: hooks for machines, pages for people."""
