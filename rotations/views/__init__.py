"""The pages of rotas and shifts, and the calendars other programs read."""
