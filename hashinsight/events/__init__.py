"""Transactional outbox: each business fact as a row written in the transaction of the fact itself."""
