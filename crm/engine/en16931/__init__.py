"""The European standard for e-invoices (EN 16931): reading, writing, checking. Plain Python, no Django."""
