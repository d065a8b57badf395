"""Sending: claim rows, talk to the channels outside any transaction, record what they said."""
