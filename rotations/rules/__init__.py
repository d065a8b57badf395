"""Pure rules of turns: who holds a rota at an instant, and who answers for a team."""
