"""What every resource of the JSON API shares, and the resources of people, teams and services."""
