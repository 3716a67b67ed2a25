"""Notes and files on anything: a ticket, a machine, an invoice."""
