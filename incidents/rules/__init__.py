"""What the procedure asks of an incident: values in, values out, no clock and no database."""
