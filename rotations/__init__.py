"""Who holds the pager: rotas, overrides, the resolver."""
