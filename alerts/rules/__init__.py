"""Pure reading: a sender's words in, alert facts out. No framework, no clock, no database."""
