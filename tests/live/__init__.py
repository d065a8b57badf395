"""The whole stack, started as a person starts it, driven by programs nobody here wrote."""
