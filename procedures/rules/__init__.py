"""Pure rules: the procedure as values, and what is wrong with one."""
