"""Real processes killed and frozen in the middle of real sends, and what must hold all the same."""
