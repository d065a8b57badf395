"""What cannot be mended is told as a sentence, never as a traceback."""


class Refused(Exception):
    """The portal cannot start, for the reason given: one sentence, and what to do about it."""
