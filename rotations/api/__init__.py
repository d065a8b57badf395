"""Who is on call, as JSON."""
