"""The rules as rows, the clauses, and the outcome of each clause."""
