"""Health and figures of a running house: is it alive, can it do its work, how much does it do."""
