"""Settings, addresses, the front page of the admin, the servers that come along, what starts things."""
