"""What monitoring sends: integrations, deduplication, grouping, heartbeats."""
