"""Outside programs: PostgreSQL own tools and throw-away servers."""
