"""See docs/glossary.md and the README."""
