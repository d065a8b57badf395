"""The sample team and its three months of history. Nobody in it exists; no address of it can be delivered to."""
